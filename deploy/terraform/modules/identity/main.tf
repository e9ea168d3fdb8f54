# Who in the cluster may do what in AWS, by EKS Pod Identity: no key is kept anywhere.

locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Principal = { Service = "pods.eks.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:TagSession"],
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  regions = length(var.bedrock_regions) > 0 ? var.bedrock_regions : ["*"]
  models = flatten([for r in local.regions : [for m in var.bedrock_models : [
    "arn:aws:bedrock:${r}::foundation-model/${m}",
    # Profiles of geographies: us.anthropic.claude-…, eu.…, global.…
    "arn:aws:bedrock:${r}:${var.account_id}:inference-profile/*.${m}",
  ]]])
}

resource "aws_iam_role" "gateway" {
  name_prefix        = "${var.name}-gateway-"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "gateway" {
  name = "gateway"
  role = aws_iam_role.gateway.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Sid = "Invoke", Effect = "Allow", Action = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:CountTokens"], Resource = local.models },
      # Lists know no resource.
      { Sid = "List", Effect = "Allow", Action = ["bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles", "bedrock:GetInferenceProfile"], Resource = "*" },
      { Sid = "MasterKey", Effect = "Allow", Action = ["kms:Encrypt", "kms:Decrypt"], Resource = var.kms_key_arn, Condition = { StringLike = { "kms:EncryptionContext:turnpike" = "*" } } },
      ],
    var.mantle ? [{ Sid = "OpenAIStyle", Effect = "Allow", Action = ["bedrock-mantle:CreateInference"], Resource = "*" }] : [])
  })
}

resource "aws_eks_pod_identity_association" "gateway" {
  cluster_name    = var.cluster
  namespace       = var.namespace
  service_account = "turnpike"
  role_arn        = aws_iam_role.gateway.arn
}

# External Secrets reads this installation's secrets and no others.
resource "aws_iam_role" "secrets" {
  name_prefix        = "${var.name}-secrets-"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "secrets" {
  name = "secrets"
  role = aws_iam_role.secrets.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Read", Effect = "Allow", Action = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], Resource = var.secret_arns },
      { Sid = "Open", Effect = "Allow", Action = "kms:Decrypt", Resource = var.kms_key_arn, Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } } },
    ]
  })
}

resource "aws_eks_pod_identity_association" "secrets" {
  cluster_name    = var.cluster
  namespace       = "external-secrets"
  service_account = "external-secrets"
  role_arn        = aws_iam_role.secrets.arn
}
