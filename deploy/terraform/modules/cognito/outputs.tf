output "issuer" { value = "https://${aws_cognito_user_pool.this.endpoint}" }
output "client_id" { value = aws_cognito_user_pool_client.console.id }
output "user_pool_id" { value = aws_cognito_user_pool.this.id }
output "secret_arn" { value = aws_secretsmanager_secret.sign_in.arn }
output "secret_name" { value = aws_secretsmanager_secret.sign_in.name }
# An entry of auth.oidc.
output "oidc" {
  value = {
    name          = "cognito"
    label         = "Amazon Cognito"
    preset        = "cognito"
    region        = data.aws_region.here.name
    user_pool     = aws_cognito_user_pool.this.id
    client_id     = aws_cognito_user_pool_client.console.id
    client_secret = "$${COGNITO_CLIENT_SECRET}"
    logout_url    = "https://${aws_cognito_user_pool_domain.this.domain}.auth.${data.aws_region.here.name}.amazoncognito.com/logout"
  }
}
