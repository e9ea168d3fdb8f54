# From nothing to what the chart needs: network, cluster, database, cache, secrets, identity, and the doors before it.
# Each module does one thing and can be read in one sitting. Nothing here comes from a registry.

provider "aws" {
  region = var.region
  default_tags { tags = merge({ Application = var.name, ManagedBy = "terraform" }, var.tags) }
}

data "aws_caller_identity" "me" {}

data "aws_vpc" "yours" {
  count = var.network == null ? 0 : 1
  id    = var.network.vpc_id
}

data "aws_eks_cluster" "yours" {
  count = var.cluster == "" ? 0 : 1
  name  = var.cluster
}

locals {
  sizes = {
    small  = { zones = 2, nat = 1, acu = [0.5, 2], instance = "db.t4g.medium", readers = 0, cache = "cache.t4g.micro", replicas = 0, keep = 3, protect = false }
    medium = { zones = 3, nat = 1, acu = [1, 8], instance = "db.r7g.large", readers = 1, cache = "cache.t4g.small", replicas = 1, keep = 14, protect = true }
    large  = { zones = 3, nat = 3, acu = [4, 64], instance = "db.r7g.2xlarge", readers = 2, cache = "cache.r7g.large", replicas = 2, keep = 30, protect = true }
  }
  size    = local.sizes[var.size]
  protect = var.protect != null ? var.protect : local.size.protect

  new_cluster = var.cluster == ""
  network     = var.network != null ? var.network : one(module.network[*].network)
  cluster     = local.new_cluster ? one(module.cluster[*].name) : var.cluster
  nodes_group = local.new_cluster ? one(module.cluster[*].security_group_id) : data.aws_eks_cluster.yours[0].vpc_config[0].cluster_security_group_id
}

module "network" {
  count        = var.network == null ? 1 : 0
  source       = "./modules/network"
  name         = var.name
  cidr         = var.cidr
  zones        = local.size.zones
  nat_gateways = local.size.nat
  region       = var.region
}

module "cluster" {
  count              = local.new_cluster ? 1 : 0
  source             = "./modules/cluster"
  name               = var.name
  kubernetes_version = var.kubernetes_version
  mode               = var.nodes
  network            = local.network
  api_access_cidrs   = var.api_access_cidrs
  admin_arns         = var.admin_arns
  kms_key_arn        = module.secrets.kms_key_arn
}

module "database" {
  source           = "./modules/database"
  name             = var.name
  network          = local.network
  client_group_id  = local.nodes_group
  serverless       = var.database_serverless
  capacity         = local.size.acu
  instance_class   = local.size.instance
  readers          = local.size.readers
  backup_days      = local.size.keep
  protect          = local.protect
  kms_key_arn      = module.secrets.kms_key_arn
  password         = var.generated.database
  password_version = var.rotation
}

module "cache" {
  source          = "./modules/cache"
  name            = var.name
  network         = local.network
  client_group_id = local.nodes_group
  node_type       = local.size.cache
  replicas        = local.size.replicas
  kms_key_arn     = module.secrets.kms_key_arn
  auth_token      = module.secrets.cache_token
}

module "secrets" {
  source        = "./modules/secrets"
  name          = var.name
  account_id    = data.aws_caller_identity.me.account_id
  database_host = module.database.host
  cache_host    = module.cache.host
  protect       = local.protect
  rotation      = var.rotation
  generated     = var.generated
}

module "identity" {
  source          = "./modules/identity"
  name            = var.name
  cluster         = local.cluster
  namespace       = var.namespace
  account_id      = data.aws_caller_identity.me.account_id
  bedrock_models  = var.bedrock_models
  bedrock_regions = var.bedrock_regions
  secret_arns     = concat(module.secrets.secret_arns, module.cognito[*].secret_arn)
  kms_key_arn     = module.secrets.kms_key_arn
  with_karpenter  = local.new_cluster && var.nodes == "karpenter"
  node_role_arn   = local.new_cluster ? one(module.cluster[*].node_role_arn) : ""
  region          = var.region
}

module "waf" {
  count  = var.waf_enabled ? 1 : 0
  source = "./modules/waf"
  name   = var.name
  limits = var.waf_limits
  keep   = local.size.keep
}

module "cognito" {
  count       = var.cognito_enabled ? 1 : 0
  source      = "./modules/cognito"
  name        = var.name
  domain      = var.domain
  protect     = local.protect
  kms_key_arn = module.secrets.kms_key_arn
}

module "edge" {
  source             = "./modules/edge"
  name               = var.name
  domain             = var.domain
  zone_id            = var.zone_id
  load_balancer_arn  = var.load_balancer_arn
  global_accelerator = var.global_accelerator
  console_cdn        = var.console_cdn
}

module "alarms" {
  source            = "./modules/alarms"
  name              = var.name
  email             = var.alarm_email
  monthly_budget    = var.monthly_budget
  database          = module.database.id
  serverless        = var.database_serverless
  most_capacity     = local.size.acu[1]
  cache             = module.cache.id
  load_balancer_arn = var.load_balancer_arn
}
