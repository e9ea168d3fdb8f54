# The web ACL is data: each promise about it is looked up in what would be sent.
mock_provider "aws" {
  mock_resource "aws_wafv2_regex_pattern_set" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/regexpatternset/made/1" }
  }
  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/made/1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:made" }
  }
}

variables {
  name   = "turnpike"
  limits = { auth = 20, inference = 300, all = 2000 }
  keep   = 14
}

run "tiers" {
  command = apply
  assert {
    condition = {
      for r in aws_wafv2_web_acl.this.rule : r.name => r.statement[0].rate_based_statement[0].limit
      if startswith(r.name, "rate-")
    } == { rate-auth = 20, rate-inference = 300, rate-all = 2000 }
    error_message = "auth 20, inference 300, all 2,000"
  }
  assert {
    condition     = alltrue([for r in aws_wafv2_web_acl.this.rule : r.statement[0].rate_based_statement[0].evaluation_window_sec == 300 if startswith(r.name, "rate-")])
    error_message = "in five minutes"
  }
}

run "bodies_of_prompts_are_read_by_no_rule" {
  command = apply
  assert {
    condition = alltrue([
      for r in aws_wafv2_web_acl.this.rule :
      length(r.statement[0].managed_rule_group_statement[0].scope_down_statement[0].not_statement) == 1
      if contains(["common", "bad-inputs", "sqli"], r.name)
    ])
    error_message = "each group that reads requests leaves inference paths out"
  }
  assert {
    condition     = length([for r in aws_wafv2_web_acl.this.rule : r if contains(["common", "bad-inputs", "sqli"], r.name)]) == 3
    error_message = "and all three are there"
  }
}

run "credentials_are_not_logged" {
  command = apply
  assert {
    condition     = length(setsubtract(["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"], flatten([for f in aws_wafv2_web_acl_logging_configuration.this.redacted_fields : f.single_header[*].name]))) == 0
    error_message = "every header that carries a key is left out of the log"
  }
}
