variable "name" { type = string }
variable "network" {
  type = object({ vpc_id = string, private_subnet_ids = list(string), public_subnet_ids = list(string) })
}
variable "client_group_id" { type = string }
variable "engine_version" {
  type    = string
  default = "16.8"
}
variable "serverless" { type = bool }
variable "capacity" { type = list(number) }
variable "instance_class" { type = string }
variable "readers" { type = number }
variable "backup_days" { type = number }
variable "protect" { type = bool }
variable "kms_key_arn" { type = string }
variable "password" {
  type      = string
  ephemeral = true
}
variable "password_version" { type = number }
