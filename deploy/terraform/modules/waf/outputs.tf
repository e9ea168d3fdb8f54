output "arn" { value = aws_wafv2_web_acl.this.arn }
output "inference_paths" { value = local.inference }
