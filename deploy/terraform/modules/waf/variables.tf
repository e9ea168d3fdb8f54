variable "name" { type = string }
variable "limits" { type = object({ auth = number, inference = number, all = number }) }
variable "keep" {
  description = "Days that logs are kept: one of CloudWatch's numbers (3, 14, 30 ...)."
  type        = number
}
