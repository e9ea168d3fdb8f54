output "host" { value = aws_rds_cluster.this.endpoint }
output "id" { value = aws_rds_cluster.this.cluster_identifier }
