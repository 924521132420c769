"""Creates the routes of the local HTTP API.

On AWS, SAM makes an OpenAPI body from the template's events, and CloudFormation imports it. The local AWS does not import
it, and processes the template with the parameters' defaults. So this module processes the deployed template again, with
the parameters' values. From the body, it creates the same integrations, routes, authorizers and CORS rules.
"""

import os

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from intrinsics import Resolver
from settings import REGION


def create_routes(clients, stack_name):
    """Creates everything that the body describes. Returns (api id, number of routes)."""
    references = _parameters(clients, stack_name) | _pseudo_parameters(clients, stack_name)
    template = _processed_template(clients, stack_name, references)
    resolver = _resolver(clients, stack_name, references, template)
    body = resolver.resolve(template["Resources"]["HttpApi"]["Properties"]["Body"])
    gateway = clients("apigatewayv2")
    api_id = resolver.references["HttpApi"]
    if cors := body.get("x-amazon-apigateway-cors"):
        gateway.update_api(ApiId=api_id, CorsConfiguration={key[0].upper() + key[1:]: cors[key] for key in cors})
    authorizers = _create_authorizers(gateway, api_id, body)
    integrations, count = {}, 0
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]
            if uri not in integrations:
                integrations[uri] = _create_integration(gateway, api_id, operation["x-amazon-apigateway-integration"])
            _create_route(gateway, api_id, f"{method.upper()} {path}", integrations[uri], operation, authorizers)
            count += 1
    return api_id, count


def _create_authorizers(gateway, api_id, body):
    schemes = body["components"]["securitySchemes"]
    created = {}
    for name, scheme in schemes.items():
        settings = scheme["x-amazon-apigateway-authorizer"]
        answer = gateway.create_authorizer(
            ApiId=api_id, Name=name, AuthorizerType="JWT", IdentitySource=[settings["identitySource"]],
            JwtConfiguration={"Issuer": settings["jwtConfiguration"]["issuer"],
                              "Audience": settings["jwtConfiguration"]["audience"]},
        )
        created[name] = answer["AuthorizerId"]
    return created


def _create_integration(gateway, api_id, settings):
    answer = gateway.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=settings["uri"],
        PayloadFormatVersion=settings["payloadFormatVersion"],
    )
    return answer["IntegrationId"]


def _create_route(gateway, api_id, key, integration_id, operation, authorizers):
    """Creates one route. It is public if its security names no created authorizer (SAM writes NONE)."""
    (name, scopes), = operation["security"][0].items()
    protection = {"AuthorizationType": "NONE"}
    if name in authorizers:
        protection = {"AuthorizationType": "JWT", "AuthorizerId": authorizers[name], "AuthorizationScopes": scopes}
    gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration_id}", **protection)


def _parameters(clients, stack_name):
    stack = clients("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}


def _pseudo_parameters(clients, stack_name):
    account = clients("sts").get_caller_identity()["Account"]
    return {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": account, "AWS::StackName": stack_name,
            "AWS::NoValue": None}


class _NoManagedPolicies:
    """Empty list of AWS managed policies. The template uses none, so the transform does not read them from IAM."""

    def load(self):
        return {}


def _processed_template(clients, stack_name, references):
    deployed = clients("cloudformation").get_template(StackName=stack_name, TemplateStage="Original")["TemplateBody"]
    os.environ["AWS_DEFAULT_REGION"] = REGION  # read by the transform
    template = yaml_parse(deployed) if isinstance(deployed, str) else deployed
    return transform(template, dict(references), _NoManagedPolicies())


def _resolver(clients, stack_name, references, template):
    """Resolver with the values that Ref and Fn::GetAtt have for the stack's resources and parameters."""
    attributes = {}
    for resource in clients("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]:
        name, physical = resource["LogicalResourceId"], resource["PhysicalResourceId"]
        references[name] = physical
        if resource["ResourceType"] == "AWS::Lambda::Function":
            account = references["AWS::AccountId"]
            attributes[name, "Arn"] = f"arn:aws:lambda:{REGION}:{account}:function:{physical}"
    return Resolver(references, attributes, template.get("Conditions", {}))
