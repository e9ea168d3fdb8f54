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
output "secret_names" { value = module.secrets.secret_names }
output "vault_key" { value = "kms:${module.secrets.kms_alias}" }
output "gateway_role_arn" { value = module.identity.gateway_role_arn }
output "inference_paths" { value = one(module.waf[*].inference_paths) }
output "cognito" {
  value = var.cognito_enabled ? { issuer = module.cognito[0].issuer, client_id = module.cognito[0].client_id, user_pool_id = module.cognito[0].user_pool_id } : null
}
