# Karpenter's controller: it buys, tags and ends machines of this cluster, and no others.

data "aws_partition" "here" {}

locals {
  karpenter = var.with_karpenter ? 1 : 0
  owned     = { "aws:ResourceTag/kubernetes.io/cluster/${var.cluster}" = "owned" }
  asked     = { "aws:RequestTag/kubernetes.io/cluster/${var.cluster}" = "owned", "aws:RequestTag/eks:eks-cluster-name" = var.cluster }
  ec2       = "arn:${data.aws_partition.here.partition}:ec2:${var.region}"
}

resource "aws_sqs_queue" "interruptions" {
  count                     = local.karpenter
  name                      = "${var.name}-interruptions"
  message_retention_seconds = 300
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "interruptions" {
  count     = local.karpenter
  queue_url = aws_sqs_queue.interruptions[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = aws_sqs_queue.interruptions[0].arn },
      { Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = aws_sqs_queue.interruptions[0].arn, Condition = { Bool = { "aws:SecureTransport" = "false" } } },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "interruptions" {
  for_each = var.with_karpenter ? {
    spot      = { source = ["aws.ec2"], "detail-type" = ["EC2 Spot Instance Interruption Warning"] }
    rebalance = { source = ["aws.ec2"], "detail-type" = ["EC2 Instance Rebalance Recommendation"] }
    state     = { source = ["aws.ec2"], "detail-type" = ["EC2 Instance State-change Notification"] }
    health    = { source = ["aws.health"], "detail-type" = ["AWS Health Event"] }
  } : {}
  name          = "${var.name}-${each.key}"
  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "interruptions" {
  for_each = aws_cloudwatch_event_rule.interruptions
  rule     = each.value.name
  arn      = aws_sqs_queue.interruptions[0].arn
}

resource "aws_iam_role" "karpenter" {
  count              = local.karpenter
  name_prefix        = "${var.name}-karpenter-"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "karpenter" {
  count = local.karpenter
  name  = "karpenter"
  role  = aws_iam_role.karpenter[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LaunchFrom", Effect = "Allow", Action = ["ec2:RunInstances", "ec2:CreateFleet"],
        Resource = ["${local.ec2}::image/*", "${local.ec2}::snapshot/*", "${local.ec2}:*:security-group/*", "${local.ec2}:*:subnet/*", "${local.ec2}:*:capacity-reservation/*"]
      },
      { Sid = "LaunchByTemplate", Effect = "Allow", Action = ["ec2:RunInstances", "ec2:CreateFleet"], Resource = "${local.ec2}:*:launch-template/*", Condition = { StringEquals = local.owned } },
      {
        Sid      = "Make", Effect = "Allow", Action = ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"], Condition = { StringEquals = local.asked },
        Resource = [for kind in ["fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request"] : "${local.ec2}:*:${kind}/*"]
      },
      {
        Sid       = "TagWhatIsMade", Effect = "Allow", Action = "ec2:CreateTags",
        Resource  = [for kind in ["fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request"] : "${local.ec2}:*:${kind}/*"],
        Condition = { StringEquals = merge(local.asked, { "ec2:CreateAction" = ["RunInstances", "CreateFleet", "CreateLaunchTemplate"] }) }
      },
      { Sid = "TagOwn", Effect = "Allow", Action = "ec2:CreateTags", Resource = "${local.ec2}:*:instance/*", Condition = { StringEquals = local.owned, "ForAllValues:StringEquals" = { "aws:TagKeys" = ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"] } } },
      { Sid = "EndOwn", Effect = "Allow", Action = ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"], Resource = ["${local.ec2}:*:instance/*", "${local.ec2}:*:launch-template/*"], Condition = { StringEquals = local.owned } },
      {
        Sid    = "Look", Effect = "Allow", Resource = "*", Condition = { StringEquals = { "aws:RequestedRegion" = var.region } },
        Action = ["ec2:DescribeCapacityReservations", "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplates", "ec2:DescribeSecurityGroups", "ec2:DescribeSpotPriceHistory", "ec2:DescribeSubnets"]
      },
      { Sid = "Images", Effect = "Allow", Action = "ssm:GetParameter", Resource = "arn:${data.aws_partition.here.partition}:ssm:${var.region}::parameter/aws/service/*" },
      { Sid = "Prices", Effect = "Allow", Action = "pricing:GetProducts", Resource = "*" },
      { Sid = "Interruptions", Effect = "Allow", Action = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"], Resource = aws_sqs_queue.interruptions[0].arn },
      { Sid = "PassNodeRole", Effect = "Allow", Action = "iam:PassRole", Resource = var.node_role_arn, Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } } },
      {
        Sid      = "Profiles", Effect = "Allow", Action = ["iam:CreateInstanceProfile", "iam:TagInstanceProfile", "iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile", "iam:ListInstanceProfiles"],
        Resource = "arn:${data.aws_partition.here.partition}:iam::${var.account_id}:instance-profile/*"
      },
      { Sid = "Cluster", Effect = "Allow", Action = "eks:DescribeCluster", Resource = "arn:${data.aws_partition.here.partition}:eks:${var.region}:${var.account_id}:cluster/${var.cluster}" },
    ]
  })
}

resource "aws_eks_pod_identity_association" "karpenter" {
  count           = local.karpenter
  cluster_name    = var.cluster
  namespace       = "kube-system"
  service_account = "karpenter"
  role_arn        = aws_iam_role.karpenter[0].arn
}
