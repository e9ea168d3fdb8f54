variable "name" { type = string }
variable "network" {
  type = object({ vpc_id = string, private_subnet_ids = list(string), public_subnet_ids = list(string) })
}
variable "client_group_id" { type = string }
variable "node_type" { type = string }
variable "replicas" { type = number }
variable "kms_key_arn" { type = string }
variable "auth_token" {
  type      = string
  sensitive = true
}
