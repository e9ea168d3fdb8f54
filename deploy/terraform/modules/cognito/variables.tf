variable "name" { type = string }
variable "domain" { type = string }
variable "protect" { type = bool }
