"""Transform ``deidentify``: the Application Level Confidentiality Profiles of PS3.15 Annex E."""
