variable "name" { type = string }
variable "domain" { type = string }
variable "protect" { type = bool }
variable "kms_key_arn" { type = string }
