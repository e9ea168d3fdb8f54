# Everything that can be said: deploy/terraform/variables.tf.
region = "eu-central-1"
domain = "ai.example.com"

# small (trial), medium, large: docs/deploy-aws.md has what they cost.
size = "small"

# zone_id         = "Z0123456789ABCDEFGHIJ" # of the domain in Route 53
# nodes           = "karpenter"
# bedrock_regions = ["eu-central-1", "eu-west-1", "eu-west-3"]
# monthly_budget  = 500
# alarm_email     = "ops@example.com"
