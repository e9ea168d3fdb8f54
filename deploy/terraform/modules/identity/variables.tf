variable "name" { type = string }
variable "cluster" { type = string }
variable "namespace" { type = string }
variable "account_id" { type = string }
variable "region" { type = string }
variable "bedrock_models" { type = list(string) }
variable "bedrock_regions" { type = list(string) }
variable "mantle" {
  description = "Bedrock's OpenAI-style endpoint too."
  type        = bool
  default     = false
}
variable "secret_arns" { type = list(string) }
variable "kms_key_arn" { type = string }
variable "with_karpenter" { type = bool }
variable "node_role_arn" { type = string }
