output "kms_key_arn" { value = aws_kms_key.this.arn }
output "kms_alias" { value = aws_kms_alias.this.name }
output "gateway_secret_arn" { value = aws_secretsmanager_secret.gateway.arn }
output "secret_arns" { value = [aws_secretsmanager_secret.gateway.arn, aws_secretsmanager_secret.upstreams.arn] }
output "secret_names" { value = [aws_secretsmanager_secret.gateway.name, aws_secretsmanager_secret.upstreams.name] }
output "cache_token" {
  value     = terraform_data.cache.output
  sensitive = true
}
