# One key for all that is at rest, and two secrets: what the gateway needs to run (made here), and the keys of your
# upstreams (yours: Terraform makes the secret and never looks into it again).
#
# What is written here is never read: ephemeral variables and write-only arguments keep it out of the state and of plans.
# Raising var.rotation writes new ones, into the database and the secret in the same run.

data "aws_region" "here" {}

resource "aws_kms_key" "this" {
  description             = "${var.name}: data at rest, and the gateway's master key"
  enable_key_rotation     = true
  rotation_period_in_days = 365
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Administration", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${var.account_id}:root" }, Action = "kms:*", Resource = "*" },
      {
        Sid       = "Logs", Effect = "Allow", Principal = { Service = "logs.${data.aws_region.here.name}.amazonaws.com" },
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"], Resource = "*",
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${data.aws_region.here.name}:${var.account_id}:log-group:*" } }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

# ElastiCache takes no write-only token: this one is in the state, which is encrypted for that.
data "aws_secretsmanager_random_password" "cache" {
  password_length     = 40
  exclude_punctuation = true
}

resource "terraform_data" "cache" {
  input            = data.aws_secretsmanager_random_password.cache.random_password
  triggers_replace = [var.rotation]
  lifecycle { ignore_changes = [input] }
}

resource "aws_secretsmanager_secret" "gateway" {
  name                    = "${var.name}/gateway"
  description             = "What the gateway needs to run: written by Terraform"
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.protect ? 30 : 7
}

resource "aws_secretsmanager_secret_version" "gateway" {
  secret_id                = aws_secretsmanager_secret.gateway.id
  secret_string_wo_version = var.rotation
  secret_string_wo = jsonencode({
    TURNPIKE_DATABASE_URL            = "postgres://turnpike:${var.generated.database}@${var.database_host}:5432/turnpike?sslmode=${var.database_tls}"
    TURNPIKE_REDIS_URL               = "rediss://:${terraform_data.cache.output}@${var.cache_host}:6379/0"
    TURNPIKE_AUTH_ADMIN_KEY          = "adm-${var.generated.admin}"
    TURNPIKE_TELEMETRY_METRICS_TOKEN = "met-${var.generated.metrics}"
  })
}

resource "aws_secretsmanager_secret" "upstreams" {
  name                    = "${var.name}/upstreams"
  description             = "Keys of upstreams, each under the name of its variable: ANTHROPIC_API_KEY, OPENAI_API_KEY ..."
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.protect ? 30 : 7
}

resource "aws_secretsmanager_secret_version" "upstreams" {
  secret_id     = aws_secretsmanager_secret.upstreams.id
  secret_string = "{}"
  lifecycle { ignore_changes = [secret_string, version_stages] }
}
