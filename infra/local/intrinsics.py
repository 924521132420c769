"""Resolves the intrinsic functions that remain in the processed template.

The local AWS stores an HTTP API's OpenAPI body as text and imports nothing from it. So this module replaces each Ref,
Fn::GetAtt, Fn::Sub, Fn::If and Fn::Split by the value that CloudFormation would use.
"""

import re


class Resolver:
    """Keys: `references` names for Ref, `attributes` pairs (logical id, attribute), `conditions` names of conditions."""

    def __init__(self, references, attributes, conditions):
        self.references = references
        self.attributes = attributes
        self.conditions = conditions

    def resolve(self, value):
        """Returns the value with every intrinsic replaced. AWS::NoValue becomes None and is dropped from maps."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            if name == "Ref":
                return self.references[argument]
            if name.startswith("Fn::"):
                return getattr(self, "_" + name[4:].lower())(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not None}

    def _getatt(self, argument):
        return self.attributes[tuple(argument)]

    def _sub(self, text):
        def replace(found):
            name = found[1]
            return self.attributes[tuple(name.split(".", 1))] if "." in name else self.references[name]

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _if(self, argument):
        condition, when_true, when_false = argument
        return self.resolve(when_true if self._holds(self.conditions[condition]) else when_false)

    def _split(self, argument):
        separator, text = argument
        return self.resolve(text).split(separator)

    def _holds(self, term):
        (name, argument), = term.items()
        if name == "Fn::Equals":
            left, right = self.resolve(argument)
            return left == right
        if name == "Fn::Not":
            return not self._holds(argument[0])
        raise ValueError(f"the condition function {name} is not implemented for the local stack")
