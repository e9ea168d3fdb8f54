variable "name" {
  description = "Name of the installation; everything bears it. Two of them stand side by side in one account."
  type        = string
  default     = "turnpike"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "Small letters, digits and dashes, 2 to 21 of them."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region such as eu-central-1."
  }
}

variable "size" {
  description = "small (trial, one zone of everything), medium (a company), large."
  type        = string
  default     = "medium"
  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "small, medium or large."
  }
}

variable "network" {
  description = "A network you have: its id and subnets in at least two zones. Empty makes one."
  type = object({
    vpc_id             = string
    private_subnet_ids = list(string)
    public_subnet_ids  = list(string)
  })
  default = null
  validation {
    condition     = var.network == null || (try(length(var.network.private_subnet_ids), 0) >= 2)
    error_message = "At least two private subnets, in different zones."
  }
}

variable "cidr" {
  description = "Addresses of the network that is made."
  type        = string
  default     = "10.40.0.0/16"
  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]), 99) <= 20
    error_message = "A network of at least /20, such as 10.40.0.0/16."
  }
}

variable "cluster" {
  description = "A cluster you have, by name: nodes, add-ons and its network are yours. Empty makes one."
  type        = string
  default     = ""
}

variable "nodes" {
  description = "auto (EKS Auto Mode: AWS keeps the nodes) or karpenter (its controller runs in the cluster)."
  type        = string
  default     = "auto"
  validation {
    condition     = contains(["auto", "karpenter"], var.nodes)
    error_message = "auto or karpenter."
  }
}

variable "kubernetes_version" {
  description = "Version of the cluster."
  type        = string
  default     = "1.33"
}

variable "api_access_cidrs" {
  description = "From where the cluster's API is reached. Empty: from inside the network only."
  type        = list(string)
  default     = []
}

variable "admin_arns" {
  description = "Roles and users that administer the cluster, beside the one that makes it."
  type        = list(string)
  default     = []
}

variable "namespace" {
  description = "Where the gateway is in the cluster."
  type        = string
  default     = "turnpike"
}

variable "domain" {
  description = "The gateway's name, such as ai.example.com."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A host such as ai.example.com."
  }
}

variable "zone_id" {
  description = "Route 53 zone of the domain: the certificate is validated there. Empty: you validate it yourself."
  type        = string
  default     = ""
}

variable "bedrock_models" {
  description = "Models that may be invoked, as ARN patterns behind foundation-model/ (anthropic.*). Inference profiles of them go with them."
  type        = list(string)
  default     = ["anthropic.*", "amazon.nova-*"]
}

variable "bedrock_regions" {
  description = "Regions Bedrock may be asked in. Cross-region profiles need all of theirs. Empty: all."
  type        = list(string)
  default     = []
}

variable "database_serverless" {
  description = "Aurora Serverless v2 instead of instances."
  type        = bool
  default     = true
}

variable "waf_enabled" {
  description = "A web ACL for the load balancer."
  type        = bool
  default     = true
}

variable "waf_limits" {
  description = "Requests from one address in five minutes."
  type        = object({ auth = number, inference = number, all = number })
  default     = { auth = 20, inference = 300, all = 2000 }
  validation {
    condition     = alltrue([for n in values(var.waf_limits) : n >= 10 && n <= 2000000000])
    error_message = "AWS WAF takes 10 to 2,000,000,000."
  }
}

variable "cognito_enabled" {
  description = "A user pool for people who sign in at the console."
  type        = bool
  default     = true
}

variable "global_accelerator" {
  description = "Anycast addresses in front of the load balancer (about $18 a month and traffic). Needs load_balancer_arn."
  type        = bool
  default     = false
}

variable "load_balancer_arn" {
  description = "Of the load balancer that the ingress has made: the second run of deploy-all.sh knows it."
  type        = string
  default     = ""
}

variable "console_cdn" {
  description = "CloudFront before the console's files only. It never stands before an API: it would end streams that are silent for a minute, and buffer."
  type        = bool
  default     = false
}

variable "monthly_budget" {
  description = "Dollars a month; e-mail at 80 and 100 percent of it. 0: none."
  type        = number
  default     = 0
}

variable "alarm_email" {
  description = "Who is told of alarms and the budget. Empty: nobody."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}

variable "rotation" {
  description = "Raise it by one: the database, the cache, operators and Prometheus get new secrets. deploy-all.sh rotate does it, and restarts the gateways."
  type        = number
  default     = 1
}

variable "protect" {
  description = "Whether data is protected against being deleted. Not set: medium and large are. deploy-all.sh destroy sets it to false first."
  type        = bool
  default     = null
}

variable "generated" {
  description = "New secrets, made by deploy-all.sh for each run. They are written where rotation has been raised, and are in neither state nor plan."
  type        = object({ database = string, admin = string, metrics = string })
  ephemeral   = true
  validation {
    condition     = alltrue([for s in values(var.generated) : can(regex("^[A-Za-z0-9]{32,}$", s))])
    error_message = "At least 32 letters and digits each: openssl rand -hex 24."
  }
}
