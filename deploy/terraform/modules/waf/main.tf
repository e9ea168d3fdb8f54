# The seed's tiers, and managed rules where they do good. What people write to models is full of SQL, HTML and paths:
# rules that read bodies would refuse ordinary prompts (they do: make waf shows it with the Core Rule Set). So
#   - rates hold for every path: signing in, inference, all;
#   - addresses known to be bad are refused on every path;
#   - the rule groups that read requests (common, bad inputs, SQL injection) see everything but inference paths.
# What protects those: the key, the gateway's own parser (duplicate and odd JSON is refused), bounds of size and time.

locals {
  # A path is one of inference when it begins with one of these. The gateway's table of client APIs (cmd/turnpike/wiring.go)
  # is held to this list by a test.
  inference = ["/v1/", "/v1beta/", "/openai/", "/model/"]
  # Where people and machines prove who they are.
  auth = ["/auth/", "/admin/auth/"]

  groups = {
    common     = { priority = 20, name = "AWSManagedRulesCommonRuleSet", count = ["SizeRestrictions_BODY"] }
    bad-inputs = { priority = 21, name = "AWSManagedRulesKnownBadInputsRuleSet", count = [] }
    sqli       = { priority = 22, name = "AWSManagedRulesSQLiRuleSet", count = [] }
  }
}

resource "aws_wafv2_regex_pattern_set" "inference" {
  name  = "${var.name}-inference"
  scope = "REGIONAL"
  dynamic "regular_expression" {
    for_each = local.inference
    content { regex_string = "^${regular_expression.value}" }
  }
}

resource "aws_wafv2_regex_pattern_set" "auth" {
  name  = "${var.name}-auth"
  scope = "REGIONAL"
  dynamic "regular_expression" {
    for_each = local.auth
    content { regex_string = "^${regular_expression.value}" }
  }
}

resource "aws_wafv2_web_acl" "this" {
  name  = var.name
  scope = "REGIONAL"
  default_action {
    allow {}
  }

  rule {
    name     = "reputation"
    priority = 0
    override_action {
      none {}
    }
    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAmazonIpReputationList"
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-reputation"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = { auth = { priority = 1, set = aws_wafv2_regex_pattern_set.auth.arn }, inference = { priority = 2, set = aws_wafv2_regex_pattern_set.inference.arn } }
    content {
      name     = "rate-${rule.key}"
      priority = rule.value.priority
      action {
        block {
          custom_response { response_code = 429 }
        }
      }
      statement {
        rate_based_statement {
          limit                 = var.limits[rule.key]
          evaluation_window_sec = 300
          aggregate_key_type    = "IP"
          scope_down_statement {
            regex_pattern_set_reference_statement {
              arn = rule.value.set
              field_to_match {
                uri_path {}
              }
              text_transformation {
                priority = 0
                type     = "NORMALIZE_PATH"
              }
            }
          }
        }
      }
      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-rate-${rule.key}"
        sampled_requests_enabled   = true
      }
    }
  }

  rule {
    name     = "rate-all"
    priority = 3
    action {
      block {
        custom_response { response_code = 429 }
      }
    }
    statement {
      rate_based_statement {
        limit                 = var.limits.all
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate-all"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.groups
    content {
      name     = rule.key
      priority = rule.value.priority
      override_action {
        none {}
      }
      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value.name
          dynamic "rule_action_override" {
            for_each = rule.value.count
            content {
              name = rule_action_override.value
              action_to_use {
                count {}
              }
            }
          }
          scope_down_statement {
            not_statement {
              statement {
                regex_pattern_set_reference_statement {
                  arn = aws_wafv2_regex_pattern_set.inference.arn
                  field_to_match {
                    uri_path {}
                  }
                  # "/v1/../admin" is no inference path.
                  text_transformation {
                    priority = 0
                    type     = "NORMALIZE_PATH"
                  }
                }
              }
            }
          }
        }
      }
      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

# What was refused, and why; never the credentials it came with.
resource "aws_cloudwatch_log_group" "waf" {
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.keep
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.waf.arn]
  dynamic "redacted_fields" {
    for_each = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"]
    content {
      single_header { name = redacted_fields.value }
    }
  }
  redacted_fields {
    query_string {}
  }
  logging_filter {
    default_behavior = "DROP"
    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"
      condition {
        action_condition { action = "BLOCK" }
      }
      condition {
        action_condition { action = "COUNT" }
      }
    }
  }
}
