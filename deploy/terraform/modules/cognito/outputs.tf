output "issuer" { value = "https://${aws_cognito_user_pool.this.endpoint}" }
output "client_id" { value = aws_cognito_user_pool_client.console.id }
output "user_pool_id" { value = aws_cognito_user_pool.this.id }
