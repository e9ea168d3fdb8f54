output "network" {
  value = {
    vpc_id             = aws_vpc.this.id
    private_subnet_ids = aws_subnet.private[*].id
    public_subnet_ids  = aws_subnet.public[*].id
  }
}
