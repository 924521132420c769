"""Login of the web console on a local stack: one person for each role.

On AWS, an administrator creates people in the user pool and puts them into the groups (docs/console.md). The local AWS has
no host name for the API before the deploy, so the client's URLs are set here.
"""

ROLES = ("viewer", "sender", "editor", "approver", "admin")
PASSWORD = "Local-Console-1!"  # of people who exist on this machine only


def create(clients, prefix, outputs, api_url):
    """Creates the people and returns the description of the console for stack.json; None without a user pool."""
    pool = outputs.get("UserPoolId")
    if not pool:
        return None
    client_id = clients("ssm").get_parameter(Name=f"{prefix}/console-client-id")["Parameter"]["Value"]
    cognito = clients("cognito-idp")
    client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
    kept = ("AllowedOAuthFlows", "AllowedOAuthScopes", "AllowedOAuthFlowsUserPoolClient", "SupportedIdentityProviders")
    cognito.update_user_pool_client(
        UserPoolId=pool, ClientId=client_id, ClientName="console", CallbackURLs=[f"{api_url}/console/callback"],
        LogoutURLs=[f"{api_url}/console"],
        **{name: client[name] for name in kept if name in client})
    return {"url": f"{api_url}/console", "people": {role: _create_person(cognito, pool, role) for role in ROLES}}


def _create_person(cognito, pool, role):
    name = f"{role}@example.com"
    attributes = [{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}]
    cognito.admin_create_user(UserPoolId=pool, Username=name, UserAttributes=attributes, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=role)
    return {"name": name, "password": PASSWORD}
