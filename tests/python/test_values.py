"""Values that only Python can pass or receive."""

import copy
import datetime
import pickle
import threading
import time

from support import ID, Traps

from personcert import Client, InvalidInputError, NotFoundError, PersonCertError


class Values(Traps):
    def test_dates_go_in_and_come_out(self):
        updated = self.client.update(ID, end_date=datetime.date(2031, 2, 3), start_date="2021-01-01")
        self.assertEqual(self.graph.requests()[0]["body"], '{"endDate":"2031-02-03","startDate":"2021-01-01"}')
        self.assertEqual(updated.certification.end_date, datetime.date(2031, 2, 3))
        self.assertEqual({change.name for change in updated.changed}, {"end_date", "start_date"})
        self.assertEqual(updated.to_graph()["changed"][0]["name"], "endDate")

    def test_errors_name_the_keyword_argument_that_was_written(self):
        wrong = {
            "end_date": {"end_date": "2030-02-30"},
            "colour": {"colour": "red"},
            "inference.confidence": {"inference": {"confidence": 1}},
            "description": {"description": float("nan")},
            "web_url": {"web_url": "javascript:1"},
        }
        for call in (lambda **changes: self.client.update(ID, **changes), self.client.create):
            for parameter, arguments in wrong.items():
                with self.assertRaises(InvalidInputError) as caught:
                    call(**arguments)
                self.assertEqual(caught.exception.parameter, parameter)
                self.assertNotIn("changes.", str(caught.exception))
                self.assertNotIn("values.", str(caught.exception))

    def test_a_datetime_is_refused_with_the_reason(self):
        self.refused("has a time of day", end_date=datetime.datetime(2030, 1, 1))

    def test_values_without_a_json_form_are_refused(self):
        for number in (float("nan"), float("inf"), -float("inf")):
            self.refused("NaN and infinities can't be sent", description=number)
        self.refused("lone surrogate", description="half \ud83d of it")
        self.refused("exceeds 64 bits", description=10**30)
        self.refused("type set", description={"a"})
        self.refused("type bytes", description=b"text")
        self.refused("type object", description=object())
        self.refused("type type", description=Client)

    def test_true_is_not_one(self):
        self.refused("the boolean true", description=True)
        self.refused("the number 1", description=1)
        with self.assertRaises(InvalidInputError):
            self.client.update(ID, inference={"user_has_verified_accuracy": 1})
        with self.assertRaises(InvalidInputError):
            self.client.update(ID, inference={"confidence_score": True})

    def test_cycles_depth_and_size_are_bounded(self):
        cycle = []
        cycle.append(cycle)
        self.refused("nested too deeply", description=cycle)
        deep = "x"
        for _ in range(100_000):
            deep = [deep]
        self.refused("nested too deeply", description=deep)
        self.refused("too many values", description=[0] * 10_001)
        wide = [[0] * 200 for _ in range(100)]
        self.refused("too many values", description=wide)
        while isinstance(deep, list):
            deep = deep[0]

    def test_cyclic_dicts_and_unusual_names(self):
        member = {}
        member["a"] = member
        for inference, words in ((member, "nested too deeply"), ({1: 2}, "name must be text"), ({"\ud800": 1}, "surrogate")):
            with self.assertRaises(InvalidInputError) as caught:
                self.client.update(ID, inference=inference)
            self.assertIn(words, str(caught.exception))

    def test_an_exception_of_to_graph_is_passed_on(self):
        class Odd:
            def to_graph(self):
                raise ZeroDivisionError

        class Endless:
            def to_graph(self):
                return self

        with self.assertRaises(ZeroDivisionError):
            self.client.update(ID, description=Odd())
        self.refused("nested too deeply", description=Endless())
        changing = {}

        class Changing:
            def to_graph(self):
                changing["more"] = 1
                return 1

        changing["confidence_score"] = Changing()
        self.client.update(ID, inference=changing)

    def test_a_misspelt_keyword_names_the_nearest(self):
        self.refused("did you mean `issuing_authority`?", issuing_authorty="x")
        self.refused("can't be changed", created_by="x")
        with self.assertRaises(InvalidInputError) as caught:
            Client(tokn="x")
        self.assertIn("did you mean `token`?", str(caught.exception))

    def test_results_are_values(self):
        certification = self.client.get(ID)
        with self.assertRaises(AttributeError):
            certification.description = "x"
        self.assertEqual(certification, self.client.get(ID))
        self.assertEqual(pickle.loads(pickle.dumps(certification)), certification)
        self.assertEqual(copy.deepcopy(certification).to_graph(), certification.to_graph())
        self.assertIn("issuing_authority='International", repr(certification))
        [stored] = self.graph.certifications("innocenty.popov@contoso.com")
        graph = certification.to_graph()
        self.assertEqual({name: graph.get(name) for name in stored}, stored)

    def test_current_sends_only_differences(self):
        current = self.client.get(ID)
        same = self.client.update(ID, current=current, issuing_authority=current.issuing_authority)
        self.assertEqual((same.changed, same.status), ((), None))
        updated = self.client.update(ID, current=current, issuing_authority="New", end_date=current.end_date)
        self.assertEqual(self.graph.requests()[-1]["body"], '{"issuingAuthority":"New"}')
        self.assertIn("issuing_authority", [change.name for change in updated.changed])

    def test_unknown_members_are_kept_in_extra(self):
        self.graph.script([{"status": 200, "body": {"id": ID, "new": {"a": [1, 1.5, None, True, 2**63]}, "endDate": 7}}])
        certification = self.client.get(ID)
        self.assertEqual(certification.extra, {"new": {"a": [1, 1.5, None, True, 2**63]}, "endDate": 7})
        self.assertEqual(certification.to_graph()["endDate"], 7)

    def test_errors_survive_pickling(self):
        with self.assertRaises(NotFoundError) as caught:
            self.client.get("22222222-c1e3-0fb4-e3c1-b40fe3c1b40f")
        error = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((error.kind, error.status, str(error)), ("not_found", 404, str(caught.exception)))

    def test_lists_are_lazy_and_outlive_their_thread(self):
        self.graph.add("innocenty.popov@contoso.com", {"displayName": "Second"})
        pages = self.client.list(top=1)
        self.assertEqual(self.graph.requests(), [])
        rest = []
        next(pages)
        thread = threading.Thread(target=lambda: rest.extend(pages))
        thread.start()
        thread.join()
        self.assertEqual(len(rest), 1)

    def test_a_closed_client_refuses_calls(self):
        self.client.close()
        with self.assertRaises(PersonCertError) as caught:
            self.client.get(ID)
        self.assertIn("closed", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
