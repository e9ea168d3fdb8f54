terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100.0, < 6.0.0" }
  }
  # deploy-all.sh says where the state is: -backend-config, or a local file where no bucket is named.
  backend "local" {}
}
