variable "name" { type = string }
variable "account_id" { type = string }
variable "database_host" { type = string }
variable "database_tls" {
  description = "sslmode. Aurora's authority is Amazon's own: verify-full needs its bundle in the pods (docs/deploy-aws.md)."
  type        = string
  default     = "require"
}
variable "cache_host" { type = string }
variable "protect" { type = bool }
variable "rotation" {
  description = "Raise it by one to give the database, the cache, operators and Prometheus new secrets."
  type        = number
  default     = 1
}
variable "generated" {
  type      = object({ database = string, admin = string, metrics = string })
  ephemeral = true
}
