# People who sign in at the console. Nobody signs up: an administrator invites. Groups of the pool become roles of the
# gateway (docs/sign-in.md).

resource "aws_cognito_user_pool" "this" {
  name                     = var.name
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  deletion_protection      = var.protect ? "ACTIVE" : "INACTIVE"
  user_pool_tier           = "ESSENTIALS"
  mfa_configuration        = "OPTIONAL"

  admin_create_user_config { allow_admin_create_user_only = true }
  software_token_mfa_configuration { enabled = true }
  username_configuration { case_sensitive = false }
  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }
  password_policy {
    minimum_length                   = 12
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = false
    require_uppercase                = true
    temporary_password_validity_days = 3
  }
  # Before a new address counts it has to be verified: the old one stays good until then.
  user_attribute_update_settings { attributes_require_verification_before_update = ["email"] }
}

resource "aws_cognito_user_pool_domain" "this" {
  domain       = substr("${var.name}-${sha1(var.domain)}", 0, 40)
  user_pool_id = aws_cognito_user_pool.this.id
}

resource "aws_cognito_user_pool_client" "console" {
  name                                 = "console"
  user_pool_id                         = aws_cognito_user_pool.this.id
  generate_secret                      = true
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["openid", "email", "profile"]
  callback_urls                        = ["https://${var.domain}/auth/oidc/cognito/callback"]
  logout_urls                          = ["https://${var.domain}/ui/login"]
  supported_identity_providers         = ["COGNITO"]
  explicit_auth_flows                  = ["ALLOW_REFRESH_TOKEN_AUTH"]
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true
  access_token_validity                = 30
  id_token_validity                    = 30
  refresh_token_validity               = 1
  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }
}

resource "aws_cognito_user_group" "this" {
  for_each     = { owners = 1, admins = 2, auditors = 3, members = 4 }
  name         = each.key
  precedence   = each.value
  user_pool_id = aws_cognito_user_pool.this.id
}

data "aws_region" "here" {}

# The gateway proves itself to the pool by this. Terraform makes it, so it is in the state, which is encrypted for that.
resource "aws_secretsmanager_secret" "sign_in" {
  name                    = "${var.name}/sign-in"
  description             = "What the gateway needs to let people sign in: written by Terraform"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.protect ? 30 : 7
}

resource "aws_secretsmanager_secret_version" "sign_in" {
  secret_id     = aws_secretsmanager_secret.sign_in.id
  secret_string = jsonencode({ COGNITO_CLIENT_SECRET = aws_cognito_user_pool_client.console.client_secret })
}
