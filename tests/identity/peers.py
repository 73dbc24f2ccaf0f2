"""Microsoft's own libraries for Python get tokens from a local Graph, and their credentials serve our clients.

Needs the packages of requirements.txt. Everything goes over https, as these libraries demand.
"""

import asyncio
import os
import unittest
from pathlib import Path

import azure.identity
import azure.identity.aio
import msal
from personcert import AsyncClient, Client, LocalGraph

ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"
USER = "innocenty.popov@contoso.com"
COMPANY = "International Academy of Marketing Excellence"
PUBLIC = "00000000-1111-2222-3333-444444444444"
CONFIDENTIAL = "11111111-2222-3333-4444-555555555555"
CERTIFIED = "22222222-3333-4444-5555-666666666666"
PEM = Path(__file__).with_name("client.pem")
SCOPES = ["https://graph.microsoft.com/.default"]


class Peers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.graph = LocalGraph(tls=True)
        cls.addClassCleanup(cls.graph.close)
        os.environ["REQUESTS_CA_BUNDLE"] = cls.graph.ca_file()
        cls.addClassCleanup(os.environ.pop, "REQUESTS_CA_BUNDLE")
        cls.host = "localhost:" + cls.graph.url.rsplit(":", 1)[1]

    def setUp(self):
        self.graph.reset()
        self.graph.app(CERTIFIED, certificate=PEM.read_text("utf-8"))

    def settings(self):
        return {"base_url": self.graph.url, "ca_file": self.graph.ca_file()}

    def example(self, credential, user=None):
        """The specification's example, and one thing more: a date that is cleared."""
        with Client(**self.settings(), credential=credential) as client:
            updated = client.update(ID, user=user, issuing_authority=COMPANY, issuing_company=COMPANY, end_date=None)
        self.check(updated)

    def check(self, updated):
        self.assertEqual(updated.certification.issuing_company, COMPANY)
        (stored,) = self.graph.certifications(USER)
        self.assertEqual([stored["issuingAuthority"], stored["issuingCompany"], stored["endDate"]], [COMPANY, COMPANY, None])

    def example_async(self, make, user=None):
        async def example():
            async with make() as credential, AsyncClient(**self.settings(), credential=credential) as client:
                return await client.update(ID, user=user, issuing_authority=COMPANY, issuing_company=COMPANY, end_date=None)

        self.check(asyncio.run(example()))

    def grants(self):
        return [(entry["grant"], entry["clientId"]) for entry in self.graph.sign_ins() if entry["ok"]]

    def place(self, **more):
        return {"authority": f"https://{self.host}", "disable_instance_discovery": True, **more}

    def test_client_secret(self):
        credential = azure.identity.ClientSecretCredential("contoso.com", CONFIDENTIAL, "local-secret", **self.place())
        self.example(credential, USER)
        self.assertEqual(self.grants(), [("client_credentials", CONFIDENTIAL)])

    def test_client_secret_async(self):
        def make():
            aio = azure.identity.aio.ClientSecretCredential
            return aio("contoso.com", CONFIDENTIAL, "local-secret", **self.place(connection_verify=self.graph.ca_file()))

        self.example_async(make, USER)
        self.assertEqual(self.grants(), [("client_credentials", CONFIDENTIAL)])

    def test_client_certificate(self):
        credential = azure.identity.CertificateCredential("contoso.com", CERTIFIED, str(PEM), **self.place())
        self.example(credential, USER)
        self.assertEqual(self.grants(), [("client_credentials", CERTIFIED)])

    def test_client_certificate_async(self):
        def make():
            aio = azure.identity.aio.CertificateCredential
            return aio("contoso.com", CERTIFIED, str(PEM), **self.place(connection_verify=self.graph.ca_file()))

        self.example_async(make, USER)
        self.assertEqual(self.grants(), [("client_credentials", CERTIFIED)])

    def test_device_code(self):
        def prompt(_address, code, _ends):
            self.graph.approve(user_code=code, user=USER)

        credential = azure.identity.DeviceCodeCredential(
            PUBLIC, tenant_id="organizations", prompt_callback=prompt, **self.place()
        )
        self.example(credential)
        self.assertEqual(self.grants(), [("urn:ietf:params:oauth:grant-type:device_code", PUBLIC)])

    def test_a_challenge_reaches_the_credential(self):
        credential = azure.identity.ClientSecretCredential("contoso.com", CONFIDENTIAL, "local-secret", **self.place())
        self.graph.challenge({"access_token": {"acrs": {"essential": True, "value": "c1"}}})
        self.example(credential, USER)
        self.assertEqual(self.grants(), [("client_credentials", CONFIDENTIAL)] * 2)

    def test_msal_users(self):
        app = msal.PublicClientApplication(
            PUBLIC, authority=f"https://{self.host}/organizations", instance_discovery=False
        )
        flow = app.initiate_device_flow(scopes=SCOPES)
        self.graph.approve(user_code=flow["user_code"], user=USER)
        granted = app.acquire_token_by_device_flow(flow)
        self.assertEqual(granted["id_token_claims"]["preferred_username"], USER)

        def renewed():
            (account,) = app.get_accounts()
            return app.acquire_token_silent(SCOPES, account, force_refresh=True)["access_token"]

        self.example(renewed)
        self.assertEqual([grant for grant, _ in self.grants()], ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"])

    def test_msal_applications(self):
        authority = f"https://{self.host}/contoso.com"
        key = PEM.read_text("utf-8")
        proofs = {CONFIDENTIAL: "local-secret", CERTIFIED: {"private_key": key, "public_certificate": key}}
        for client, proof in proofs.items():
            app = msal.ConfidentialClientApplication(client, proof, authority=authority, instance_discovery=False)
            self.example(lambda app=app: app.acquire_token_for_client(SCOPES)["access_token"], USER)
        self.assertEqual(self.grants(), [("client_credentials", client) for client in proofs])


if __name__ == "__main__":
    unittest.main()
