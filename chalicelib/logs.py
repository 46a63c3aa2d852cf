"""JSON lines. Ids yes; names, tokens and bodies never."""

from aws_lambda_powertools import Logger

logger = Logger(service="holdfast")
