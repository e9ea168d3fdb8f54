variable "name" { type = string }
variable "email" { type = string }
variable "monthly_budget" { type = number }
variable "database" { type = string }
variable "serverless" { type = bool }
variable "most_capacity" { type = number }
variable "cache" { type = string }
variable "load_balancer_arn" { type = string }
