variable "name" { type = string }
variable "kubernetes_version" { type = string }
variable "mode" { type = string }
variable "network" {
  type = object({ vpc_id = string, private_subnet_ids = list(string), public_subnet_ids = list(string) })
}
variable "api_access_cidrs" { type = list(string) }
variable "admin_arns" { type = list(string) }
variable "kms_key_arn" { type = string }
