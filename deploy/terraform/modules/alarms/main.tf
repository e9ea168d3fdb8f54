# Money and the few things Prometheus in the cluster cannot see.

locals { told = var.email != "" }

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "email" {
  count     = local.told ? 1 : 0
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.email
}

resource "aws_budgets_budget" "monthly" {
  count        = var.monthly_budget > 0 ? 1 : 0
  name         = var.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = tostring(var.monthly_budget)
  dynamic "notification" {
    for_each = local.told ? [80, 100] : []
    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      notification_type          = notification.value == 100 ? "ACTUAL" : "FORECASTED"
      subscriber_email_addresses = [var.email]
    }
  }
}

locals {
  load_balancer = var.load_balancer_arn == "" ? "" : split("loadbalancer/", var.load_balancer_arn)[1]
  alarms = merge({
    database-cpu         = { space = "AWS/RDS", metric = "CPUUtilization", dimensions = { DBClusterIdentifier = var.database }, above = 80, statistic = "Average", says = "the database computes more than it should for 15 minutes" }
    database-connections = { space = "AWS/RDS", metric = "DatabaseConnections", dimensions = { DBClusterIdentifier = var.database }, above = 150, statistic = "Maximum", says = "many connections: gateways times database.max_conns" }
    cache-memory         = { space = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", dimensions = { ReplicationGroupId = var.cache }, above = 80, statistic = "Maximum", says = "the cache fills up: it evicts nothing" }
    },
    var.serverless ? {
      database-capacity = { space = "AWS/RDS", metric = "ServerlessDatabaseCapacity", dimensions = { DBClusterIdentifier = var.database }, above = var.most_capacity * 0.9, statistic = "Average", says = "the database is at its largest" }
    } : {},
    var.load_balancer_arn == "" ? {} : {
      no-targets = { space = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = { LoadBalancer = local.load_balancer }, above = 0, statistic = "Maximum", says = "gateways that are not ready" }
      errors     = { space = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = { LoadBalancer = local.load_balancer }, above = 20, statistic = "Sum", says = "the load balancer found no gateway" }
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.space
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
