"""Rules about model versions: the language in which policies say what a version needs. No I/O.

``facts``          what rules may ask about a version
``rule_language``  parses rules
``evaluation``     says of a rule whether it holds, and by which values
``policy_rules``   checks of policies
``approval_rules``  checks of approvals, and which of them count
"""
