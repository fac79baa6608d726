"""A finding as FHIR R4 resources: a bundle of a report, an observation with its measures, and the samples of its strip.

Source: HL7 FHIR R4 (4.0.1), DiagnosticReport, Observation and SampledData; lead codes of ISO/IEEE 11073-10101
(`MDC_ECG_ELEC_POTL_*`), units of UCUM.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from biosignal.wire.waveform import INVALID, WaveChunk

Resource = dict[str, Any]
_MDC = "urn:oid:2.16.840.1.113883.6.24"
_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_LEADS = {
    "I": 131329, "II": 131330, "V1": 131331, "V2": 131332, "V3": 131333, "V4": 131334, "V5": 131335, "V6": 131336,
    "III": 131389, "aVR": 131390, "aVL": 131391, "aVF": 131392,
}  # fmt: skip
_UNITS = frozenset({"1", "%", "/min", "s", "ms", "min", "h", "mV", "uV", "Hz", "mm", "deg"})
_ECG_STUDY = {"system": _LOINC, "code": "11524-6", "display": "EKG study"}
RESEARCH = "Made by research software that is not a medical device."


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedMeasure:
    """A number of the finding's evidence."""

    name: str
    label: str
    value: float
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedFinding:
    """What is reported. Times are ISO 8601 with a zone; `began` is absent where no clock was known.

    `verdict` is what readers said of it; none: nobody has.
    """

    id: str
    kind: str
    label: str
    device: str
    subject: str | None
    began: str | None
    ended: str | None
    issued: str
    text: str
    verdict: str | None
    measures: tuple[ReportedMeasure, ...]
    strips: tuple[WaveChunk, ...]
    url: str


def bundle_of(finding: ReportedFinding) -> Resource:
    """Give the resources as a collection, each by a URN of its own."""
    about = _about(finding)
    observation = {**about, **_observation(finding)}
    strips = [{**about, **_strip(finding, chunk, number)} for number, chunk in enumerate(finding.strips, 1)]
    report = _report(finding, [observation, *strips])
    resources: Sequence[Resource] = [report, observation, *strips]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": finding.issued,
        "entry": [{"fullUrl": _url(one), "resource": one} for one in resources],
    }


def _status(finding: ReportedFinding) -> str:
    """What nobody has read is preliminary; what readers called false was reported in error."""
    return {None: "preliminary", "false": "entered-in-error", "disputed": "preliminary"}.get(finding.verdict, "final")


def _about(finding: ReportedFinding) -> Resource:
    subject = finding.subject or "not assigned"
    made: Resource = {
        "status": _status(finding),
        "subject": {"identifier": {"system": "urn:bedside:subject", "value": subject}, "display": subject},
        "device": {"display": finding.device},
        "issued": finding.issued,
    }
    if finding.began and finding.ended:
        made["effectivePeriod"] = {"start": finding.began, "end": finding.ended}
    return made


def _observation(finding: ReportedFinding) -> Resource:
    notes = [
        RESEARCH,
        finding.text,
        f"Readers said: {finding.verdict}." if finding.verdict else "Nobody has read it yet.",
    ]
    return {
        "resourceType": "Observation",
        "id": finding.id,
        "category": [{"coding": [{"system": _CATEGORY, "code": "procedure"}]}],
        "code": {
            "coding": [{"system": "urn:bedside:finding", "code": finding.kind, "display": finding.label}],
            "text": finding.label,
        },
        "valueString": finding.text or finding.label,
        "note": [{"text": one} for one in notes if one],
        "component": [
            {
                "code": {"coding": [{"system": "urn:bedside:quantity", "code": one.name}], "text": one.label},
                "valueQuantity": _quantity(one),
            }
            for one in finding.measures
            if math.isfinite(one.value)
        ],
        "derivedFrom": [
            {"reference": f"urn:uuid:{_strip_id(finding, number)}"} for number in range(1, len(finding.strips) + 1)
        ],
    }


def _quantity(one: ReportedMeasure) -> Resource:
    unit = one.unit or "1"
    unit = unit if unit in _UNITS else f"{{{unit}}}"  # what UCUM has no word for stands in braces
    return {"value": one.value, "unit": unit, "system": _UCUM, "code": unit}


def _strip(finding: ReportedFinding, chunk: WaveChunk, number: int) -> Resource:
    unit = chunk.unit.value if chunk.unit.value != "raw" else "1"
    return {
        "resourceType": "Observation",
        "id": _strip_id(finding, number),
        "category": [{"coding": [{"system": _CATEGORY, "code": "procedure"}]}],
        "code": {"coding": _lead_codes(chunk.lead), "text": f"Lead {chunk.lead}"},
        "note": [{"text": f"Whole waves of the recording: {finding.url}"}],
        "valueSampledData": {
            "origin": {"value": chunk.offset, "unit": unit, "system": _UCUM, "code": unit},
            "period": 1000.0 / chunk.fs_hz,
            "factor": chunk.gain,
            "dimensions": 1,
            "data": " ".join("E" if count == INVALID else str(count) for count in chunk.counts.tolist()),
        },
    }


def _lead_codes(lead: str) -> list[Resource]:
    code = _LEADS.get(lead)
    if code is None:
        return [{"system": "urn:bedside:lead", "code": lead}]
    return [_ECG_STUDY, {"system": _MDC, "code": str(code)}]


def _strip_id(finding: ReportedFinding, number: int) -> str:
    return f"{finding.id[:-2]}{number:02x}" if len(finding.id) == 36 else f"{finding.id}-{number}"


def _report(finding: ReportedFinding, results: Sequence[Resource]) -> Resource:
    made = {name: value for name, value in _about(finding).items() if name != "device"}
    return {
        **made,
        "resourceType": "DiagnosticReport",
        "id": f"report-{finding.id}"[:64],
        "code": {"coding": [_ECG_STUDY], "text": finding.label},
        "result": [{"reference": _url(one)} for one in results],
        "conclusion": f"{finding.text or finding.label} {RESEARCH}",
    }


def _url(resource: Resource) -> str:
    return f"urn:uuid:{resource['id']}" if not resource["id"].startswith("report-") else f"urn:bedside:{resource['id']}"
