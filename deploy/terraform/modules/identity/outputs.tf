output "gateway_role_arn" { value = aws_iam_role.gateway.arn }
output "interruption_queue" { value = one(aws_sqs_queue.interruptions[*].name) }
