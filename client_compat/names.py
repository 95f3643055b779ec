"""Random names for runs that are created without one: adjective, animal, number."""

import random

_ADJECTIVES = (
    "able agile amber ample apt avid bold brave brief bright brisk calm candid casual cheery civil "
    "clear clever cosy crisp curious daring deft dapper eager early easy elated even fair fancy festive "
    "fine fleet fond frank free fresh gentle glad golden grand happy hardy honest humble jolly jovial "
    "keen kind learned light likely lively loyal lucky mellow merry mild modest neat nimble noble open "
    "patient placid polite prime proud pure quick quiet rapid rare ready regal robust rustic salty sane "
    "serene sharp shiny silent sleek smooth snappy sober solid spirited spry stately steady still "
    "subtle sunny swift tidy trusty upbeat valiant vivid warm wise witty worthy zesty"
).split()
_ANIMALS = (
    "adder auk badger bat bear beaver bee bison boar bug carp cat civet cod colt condor coot crab crane "
    "crow deer dingo doe dove duck eagle eel eland elk emu falcon fawn finch fish flea fox frog gnu "
    "goat goose grouse gull hare hawk hen heron hog horse hound ibis ibex jay kite kiwi koala lark "
    "lemur lion llama lynx magpie mare mink mole moose moth mouse mule newt ocelot okapi orca osprey "
    "otter owl ox panda perch pike plover puma quail rabbit ram rat raven robin rook sable salmon seal "
    "shark sheep shrew skunk sloth slug snail snake sparrow squid stag stork swan tapir tern thrush "
    "toad trout tuna viper vole wasp weasel whale wolf wombat worm wren yak zebra"
).split()
_MAX_LENGTH = 20  # as in MLflow; the UI's tables of runs are designed for it


def random_run_name() -> str:
    """Return a name such as ``brisk-otter-412``, of at most 20 characters."""
    name = f"{random.choice(_ADJECTIVES)}-{random.choice(_ANIMALS)}-{random.randint(0, 999)}"
    return name[:_MAX_LENGTH]
