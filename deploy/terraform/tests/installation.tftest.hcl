# Without AWS: the provider is mocked, so this tells what Terraform would do, not what AWS would say.
mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c", "eu-central-1d"] }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_vpc" {
    defaults = { cidr_block = "10.9.0.0/16" }
  }
  mock_data "aws_eks_cluster" {
    defaults = { vpc_config = [{ cluster_security_group_id = "sg-yours" }] }
  }
  mock_data "aws_secretsmanager_random_password" {
    defaults = { random_password = "3333333333333333333333333333333333333333" }
  }
  mock_data "aws_lb" {
    defaults = { dns_name = "lb.example.com", zone_id = "Z1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/made" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/made" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:made" }
  }
  mock_resource "aws_eks_cluster" {
    defaults = { vpc_config = { cluster_security_group_id = "sg-made" } }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:made" }
  }
  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/made/1" }
  }
  mock_resource "aws_wafv2_regex_pattern_set" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/regexpatternset/made/1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:made" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:made" }
  }
  mock_resource "aws_acm_certificate" {
    defaults = { arn = "arn:aws:acm:eu-central-1:123456789012:certificate/made" }
  }
  mock_resource "aws_globalaccelerator_accelerator" {
    defaults = { id = "arn:aws:globalaccelerator::123456789012:accelerator/made", arn = "arn:aws:globalaccelerator::123456789012:accelerator/made", dns_name = "a.example.com", hosted_zone_id = "Z2" }
  }
  mock_resource "aws_globalaccelerator_listener" {
    defaults = { id = "arn:aws:globalaccelerator::123456789012:accelerator/made/listener/1", arn = "arn:aws:globalaccelerator::123456789012:accelerator/made/listener/1" }
  }
  mock_resource "aws_cloudfront_function" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:function/made" }
  }
  mock_resource "aws_cognito_user_pool" {
    defaults = { id = "eu-central-1_Abc123def", endpoint = "cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123def" }
  }
  mock_resource "aws_cognito_user_pool_client" {
    defaults = { id = "made", client_secret = "made" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }
}

variables {
  region = "eu-central-1"
  domain = "ai.example.com"
  generated = {
    database = "00000000000000000000000000000000"
    admin    = "11111111111111111111111111111111"
    metrics  = "22222222222222222222222222222222"
  }
}

run "from_nothing" {
  command = apply

  assert {
    condition     = module.cluster[0].name == "turnpike" && length(module.network) == 1
    error_message = "a cluster and a network are made"
  }
  assert {
    condition     = output.vault_key == "kms:alias/turnpike"
    error_message = "the master key is in KMS"
  }
  assert {
    condition     = output.secret_names == ["turnpike/gateway", "turnpike/upstreams", "turnpike/sign-in"]
    error_message = "three secrets"
  }
  assert {
    condition     = yamldecode(output.values).config.server == { public_url = "https://ai.example.com", trusted_proxies = ["10.40.0.0/16"], trusted_depth = 1 }
    error_message = "the gateways know their address, and whom to believe"
  }
  assert {
    condition     = yamldecode(output.values).config.auth.oidc[0].user_pool == "eu-central-1_Abc123def" && yamldecode(output.values).config.auth.oidc[0].client_secret == "$${COGNITO_CLIENT_SECRET}"
    error_message = "people sign in by Cognito, whose secret is no value of the chart"
  }
  assert {
    condition     = !yamldecode(output.values).config.firewall.enabled && yamldecode(output.values).vaultKey == "kms:alias/turnpike"
    error_message = "behind the web ACL there is no second firewall"
  }
  assert {
    condition     = output.values == file("tests/values.yaml")
    error_message = "tests/values.yaml, which the test of the chart renders (scripts/chart.sh), is not what the output says"
  }
  assert {
    condition     = output.nodes == "auto" && output.interruption_queue == null
    error_message = "Auto Mode needs no Karpenter of ours"
  }
  assert {
    condition     = toset(output.inference_paths) == toset(["/v1/", "/v1beta/", "/openai/", "/model/"])
    error_message = "the paths that body rules leave alone"
  }
}

run "karpenter_and_instances" {
  command = apply
  variables {
    size                = "large"
    nodes               = "karpenter"
    database_serverless = false
    monthly_budget      = 5000
    alarm_email         = "ops@example.com"
    zone_id             = "Z0"
    load_balancer_arn   = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/turnpike/0123456789abcdef"
    global_accelerator  = true
    console_cdn         = true
  }
  assert {
    condition     = output.interruption_queue == "turnpike-interruptions"
    error_message = "Karpenter hears of interruptions"
  }
}

run "into_what_is_there" {
  command = apply
  variables {
    cluster         = "yours"
    network         = { vpc_id = "vpc-1", private_subnet_ids = ["subnet-1", "subnet-2"], public_subnet_ids = [] }
    waf_enabled     = false
    cognito_enabled = false
  }
  assert {
    condition     = length(module.network) == 0 && length(module.cluster) == 0 && output.cluster_name == "yours"
    error_message = "neither network nor cluster are made"
  }
  assert {
    condition     = output.web_acl_arn == null && output.cognito == null
    error_message = "what is switched off is not made"
  }
  assert {
    condition     = yamldecode(output.values).config.firewall.enabled && yamldecode(output.values).config.auth.oidc == [] && yamldecode(output.values).config.server.trusted_proxies == ["10.9.0.0/16"]
    error_message = "without a web ACL the gateways' own firewall is on"
  }
}

run "wrong_region" {
  command = plan
  variables { region = "Frankfurt" }
  expect_failures = [var.region]
}

run "wrong_size" {
  command = plan
  variables { size = "huge" }
  expect_failures = [var.size]
}

run "one_subnet" {
  command = plan
  variables { network = { vpc_id = "vpc-1", private_subnet_ids = ["subnet-1"], public_subnet_ids = [] } }
  expect_failures = [var.network]
}

run "too_small_a_network" {
  command = plan
  variables { cidr = "10.0.0.0/24" }
  expect_failures = [var.cidr]
}
