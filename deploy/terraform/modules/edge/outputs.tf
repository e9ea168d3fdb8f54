output "certificate_arn" { value = aws_acm_certificate.this.arn }
output "validation" {
  description = "Records that prove the domain is yours, where no zone was given."
  value       = [for o in aws_acm_certificate.this.domain_validation_options : { name = o.resource_record_name, type = o.resource_record_type, value = o.resource_record_value }]
}
output "accelerator" { value = one(aws_globalaccelerator_accelerator.this[*].dns_name) }
