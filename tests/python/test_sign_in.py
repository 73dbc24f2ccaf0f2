"""Sign-in with the environment's credentials, and of users."""

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path
from unittest import mock

from personcert import AsyncClient, AuthError, Client
from support import ID, Traps

USER = "innocenty.popov@contoso.com"
COMPANY = "International Academy of Marketing Excellence"
PUBLIC = "00000000-1111-2222-3333-444444444444"
CONFIDENTIAL = "11111111-2222-3333-4444-555555555555"
CERTIFIED = "22222222-3333-4444-5555-666666666666"
IDENTITY = Path(__file__).resolve().parent.parent / "identity"


class SignIn(Traps):
    def setUp(self):
        super().setUp()
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.home = Path(home.name)

    @contextlib.contextmanager
    def around(self, **variables):
        """An environment with these variables, without a command of Azure and without its metadata service."""
        empty = {"PATH": str(self.home), "HOME": str(self.home), "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"}
        app = {"AZURE_CLIENT_ID": CONFIDENTIAL, "AZURE_TENANT_ID": "contoso.com"}
        with mock.patch.dict(os.environ, {**empty, **app, **variables}, clear=True):
            yield

    def place(self, **settings):
        return {"base_url": self.graph.url, "authority": self.graph.url, **settings}

    def example(self, **settings):
        """Run the specification's example, blocking and with asyncio, each with its own sign-in."""
        values = {"issuing_authority": COMPANY, "issuing_company": COMPANY}

        async def awaited():
            async with AsyncClient(**self.place(**settings)) as client:
                return await client.update(ID, user=USER, **values)

        with Client(**self.place(**settings)) as client:
            results = [client.update(ID, user=USER, **values), asyncio.run(awaited())]
        for updated in results:
            self.assertEqual(updated.certification.issuing_company, COMPANY)
        self.assertEqual(self.graph.certifications(USER)[0]["issuingAuthority"], COMPANY)
        return [entry["grant"] for entry in self.graph.sign_ins()]

    def test_a_secret_and_a_certificate_in_the_environment(self):
        with self.around(AZURE_CLIENT_SECRET="local-secret"):
            self.assertEqual(self.example(), ["client_credentials"] * 2)
        self.graph.reset()
        self.graph.app(CERTIFIED, certificate=(IDENTITY / "client.pem").read_text("utf-8"))
        pfx = {"AZURE_CLIENT_CERTIFICATE_PATH": str(IDENTITY / "client.pfx")}
        with self.around(AZURE_CLIENT_ID=CERTIFIED, AZURE_CLIENT_CERTIFICATE_PASSWORD="local-password", **pfx):
            self.assertEqual(self.example(), ["client_credentials"] * 2)

    def test_federated_tokens(self):
        file = self.home / "federated"
        file.write_text(self.graph.federated(), "utf-8")
        with self.around(AZURE_FEDERATED_TOKEN_FILE=str(file)):
            self.assertEqual(self.example(), ["client_credentials"] * 2)
        address = f"{self.graph.url}/_identity/github?api-version=2.0"
        with self.around(ACTIONS_ID_TOKEN_REQUEST_URL=address, ACTIONS_ID_TOKEN_REQUEST_TOKEN="local-github-token"):
            self.assertEqual(self.example(sign_in="workload-identity"), ["client_credentials"] * 4)

    def test_managed_identities(self):
        with self.around(AZURE_POD_IDENTITY_AUTHORITY_HOST=self.graph.url):
            self.assertEqual(self.example(), ["managed_identity"] * 2)
        with self.around(IDENTITY_ENDPOINT=f"{self.graph.url}/msi/token", IDENTITY_HEADER="local-identity-header"):
            self.assertEqual(self.example(sign_in="managed-identity"), ["managed_identity"] * 4)

    def test_the_azure_cli(self):
        az = self.home / "az"
        answer = f'{{"accessToken": "{self.token}", "expires_on": 4102444800, "tokenType": "Bearer"}}'
        az.write_text(f"#!/bin/sh\necho '{answer}'\n", "utf-8")
        az.chmod(0o755)
        with self.around():
            self.assertEqual(self.example(), [])

    def test_without_a_credential_the_error_lists_what_was_tried(self):
        with self.around(), self.assertRaises(AuthError) as caught:
            self.example()
        for part in ("login (not signed in)", "client-secret (", "certificate (", "workload-identity (", "managed-identity (", "azure-cli ("):
            self.assertIn(part, str(caught.exception))
        self.assertEqual((caught.exception.outcome, self.graph.requests()), ("not_sent", []))

    def test_a_sign_in_is_stored_for_the_next_program(self):
        self.graph.approve(user=USER)
        prompts = []
        kept = {"token_cache_file": str(self.home / "sign-in.json"), "client_id": PUBLIC, "on_prompt": prompts.append}
        with self.around():
            self.assertEqual(len(self.example(sign_in="device-code", **kept)), 1)
            self.assertEqual(len(self.example(sign_in="login", **kept)), 1)
        self.assertEqual([prompt.code in prompt.message for prompt in prompts], [True])
        self.assertEqual(prompts[0].address, f"{self.graph.url}/contoso.com/devicelogin")
        self.assertEqual((self.home / "sign-in.json").stat().st_mode & 0o777, 0o600)

    def test_a_revoked_session_ends_with_one_error(self):
        self.graph.approve(user=USER)
        settings = self.place(sign_in="device-code", client_id=PUBLIC, token_cache_file=str(self.home / "sign-in.json"))
        with self.around(), Client(**settings) as client:
            client.get(ID)
            self.graph.revoke(USER)
            with self.assertRaises(AuthError) as caught:
                client.update(ID, issuing_company=COMPANY)
        self.assertIn("AADSTS50173", str(caught.exception))
        self.assertEqual(self.graph.sign_ins()[-1]["grant"], "refresh_token")
        self.assertNotEqual(self.graph.certifications(USER)[0]["issuingCompany"], COMPANY)
