"""Outages of what the console needs: a table is deleted, and created again with what it had; a variable of the function
leads nowhere. After each change the function's processes begin again.
"""

import contextlib

# Attributes of a description that a request for the same table has.
KEPT = ("TableName", "KeySchema", "AttributeDefinitions")
INDEX = ("IndexName", "KeySchema", "Projection")


@contextlib.contextmanager
def without_table(stack, output):
    """Deletes the table with this output of the stack, and restores it in the end."""
    dynamodb, name = stack.aws("dynamodb"), stack.outputs[output]
    table = dynamodb.describe_table(TableName=name)["Table"]
    pages = dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    dynamodb.delete_table(TableName=name)
    try:
        yield
    finally:
        dynamodb.create_table(**request_of(table))
        for item in items:
            dynamodb.put_item(TableName=name, Item=item)


@contextlib.contextmanager
def with_variable(stack, output, name, value):
    """Sets a variable of a function, and restores it in the end."""
    functions, function = stack.aws("lambda"), stack.outputs[output]
    before = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]

    def sets(variables):
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})

    sets({**before, name: value})
    try:
        yield
    finally:
        sets(before)


def restarts(stack, output):
    """Ends the warm processes of a function."""
    configuration = {"FunctionName": stack.outputs[output]}
    timeout = stack.aws("lambda").get_function_configuration(**configuration)["Timeout"]
    stack.aws("lambda").update_function_configuration(**configuration, Timeout=timeout)


def request_of(table):
    """Request that creates a table like the described one."""
    asked = {part: table[part] for part in KEPT} | {"BillingMode": "PAY_PER_REQUEST"}
    indexes = [{part: index[part] for part in INDEX} for index in table.get("GlobalSecondaryIndexes", [])]
    stream = table.get("StreamSpecification")
    asked |= {"GlobalSecondaryIndexes": indexes} if indexes else {}
    return asked | ({"StreamSpecification": stream} if stream else {})
