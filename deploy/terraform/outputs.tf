# What the chart and the scripts need. Nothing here is secret.
output "cluster_name" { value = local.cluster }
output "region" { value = var.region }
output "namespace" { value = var.namespace }
output "nodes" { value = var.nodes }
output "node_role" { value = local.new_cluster ? one(module.cluster[*].node_role_name) : "" }
output "interruption_queue" { value = module.identity.interruption_queue }
output "vpc_id" { value = local.network.vpc_id }
output "domain" { value = var.domain }
output "certificate_arn" { value = module.edge.certificate_arn }
output "certificate_validation" { value = module.edge.validation }
output "web_acl_arn" { value = one(module.waf[*].arn) }
output "secret_names" { value = concat(module.secrets.secret_names, module.cognito[*].secret_name) }
output "vault_key" { value = "kms:${module.secrets.kms_alias}" }
output "gateway_role_arn" { value = module.identity.gateway_role_arn }
output "inference_paths" { value = one(module.waf[*].inference_paths) }
output "cognito" {
  value = var.cognito_enabled ? { issuer = module.cognito[0].issuer, client_id = module.cognito[0].client_id, user_pool_id = module.cognito[0].user_pool_id } : null
}

# Values of the chart that only Terraform knows: deploy-all.sh lays them over deploy/helm/values/aws.yaml. What the gateways
# are told of firewall and proxies goes by what stands before them.
output "values" {
  value = yamlencode({
    vaultKey       = "kms:${module.secrets.kms_alias}"
    externalSecret = { remoteKeys = concat(module.secrets.secret_names, module.cognito[*].secret_name) }
    ingress = {
      hosts = [var.domain]
      annotations = merge(
        { "alb.ingress.kubernetes.io/certificate-arn" = module.edge.certificate_arn },
        var.waf_enabled ? { "alb.ingress.kubernetes.io/wafv2-acl-arn" = module.waf[0].arn } : {},
      )
    }
    config = {
      server = {
        public_url      = "https://${var.domain}"
        trusted_proxies = [var.network == null ? var.cidr : data.aws_vpc.yours[0].cidr_block]
        trusted_depth   = 1
      }
      firewall  = { enabled = !var.waf_enabled }
      auth      = { oidc = module.cognito[*].oidc }
      providers = [{ name = "bedrock", type = "bedrock", region = var.region }]
    }
  })
}
