# What stands before the load balancer: the certificate, anycast addresses if they are wanted, and CloudFront for the files
# of the console alone.

resource "aws_acm_certificate" "this" {
  domain_name       = var.domain
  validation_method = "DNS"
  lifecycle { create_before_destroy = true }
}

resource "aws_route53_record" "validation" {
  for_each = var.zone_id == "" ? {} : { for o in aws_acm_certificate.this.domain_validation_options : o.domain_name => o }
  zone_id  = var.zone_id
  name     = each.value.resource_record_name
  type     = each.value.resource_record_type
  records  = [each.value.resource_record_value]
  ttl      = 300
}

resource "aws_acm_certificate_validation" "this" {
  count                   = var.zone_id == "" ? 0 : 1
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for r in aws_route53_record.validation : r.fqdn]
}

data "aws_lb" "ingress" {
  count = var.load_balancer_arn == "" ? 0 : 1
  arn   = var.load_balancer_arn
}

locals { accelerated = var.global_accelerator && var.load_balancer_arn != "" }

resource "aws_route53_record" "gateway" {
  count   = var.zone_id != "" && var.load_balancer_arn != "" ? 1 : 0
  zone_id = var.zone_id
  name    = var.domain
  type    = "A"
  alias {
    name                   = local.accelerated ? aws_globalaccelerator_accelerator.this[0].dns_name : data.aws_lb.ingress[0].dns_name
    zone_id                = local.accelerated ? aws_globalaccelerator_accelerator.this[0].hosted_zone_id : data.aws_lb.ingress[0].zone_id
    evaluate_target_health = !local.accelerated
  }
}

resource "aws_globalaccelerator_accelerator" "this" {
  count = local.accelerated ? 1 : 0
  name  = var.name
}

resource "aws_globalaccelerator_listener" "this" {
  count           = local.accelerated ? 1 : 0
  accelerator_arn = aws_globalaccelerator_accelerator.this[0].arn
  protocol        = "TCP"
  port_range {
    from_port = 443
    to_port   = 443
  }
}

resource "aws_globalaccelerator_endpoint_group" "this" {
  count                 = local.accelerated ? 1 : 0
  listener_arn          = aws_globalaccelerator_listener.this[0].arn
  health_check_protocol = "TCP"
  health_check_port     = 443
  threshold_count       = 3
  endpoint_configuration {
    endpoint_id                    = var.load_balancer_arn
    weight                         = 100
    client_ip_preservation_enabled = true
  }
}

# CloudFront ends an origin that is silent for 60 s (180 at most) and knows no trailers: an API behind it would break. It
# serves /ui/assets only; the name of the gateway keeps pointing at the load balancer.
resource "aws_cloudfront_distribution" "console" {
  count           = var.console_cdn && var.load_balancer_arn != "" ? 1 : 0
  enabled         = true
  is_ipv6_enabled = true
  comment         = "${var.name}: files of the console, no API"
  price_class     = "PriceClass_100"
  origin {
    origin_id   = "gateway"
    domain_name = var.domain
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }
  default_cache_behavior {
    target_origin_id       = "gateway"
    viewer_protocol_policy = "https-only"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    compress               = true
    # AWS's own policies: CachingOptimized, and nothing is handed on.
    cache_policy_id = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.only_console[0].arn
    }
  }
  restrictions {
    geo_restriction { restriction_type = "none" }
  }
  viewer_certificate { cloudfront_default_certificate = true }
}

resource "aws_cloudfront_function" "only_console" {
  count   = var.console_cdn && var.load_balancer_arn != "" ? 1 : 0
  name    = "${var.name}-only-console"
  runtime = "cloudfront-js-2.0"
  code    = "function handler(event) { return event.request.uri.startsWith('/ui/assets/') ? event.request : { statusCode: 404 }; }"
}
