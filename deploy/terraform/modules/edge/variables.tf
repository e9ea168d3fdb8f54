variable "name" { type = string }
variable "domain" { type = string }
variable "zone_id" { type = string }
variable "load_balancer_arn" { type = string }
variable "global_accelerator" { type = bool }
variable "console_cdn" { type = bool }
