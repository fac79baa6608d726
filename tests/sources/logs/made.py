"""Exports of known programs, written here from what is known of their shape: no file of anybody's."""

import json

import numpy as np

ROWS = 240


def wave(rows=ROWS, fs_hz=250.0, size=1000.0):
    """A row of spikes on a slow wave: whole numbers, so that every spelling holds them exactly."""
    at = np.arange(rows) / fs_hz
    spikes = np.exp(-(((at % 0.4) - 0.2) ** 2) / 0.0002)
    return np.round(size * (spikes + 0.1 * np.sin(2 * np.pi * at)))


def lines(rows, separator=","):
    return "".join(separator.join(str(cell) for cell in row) + "\n" for row in rows)


def _int(values):
    return [int(value) for value in values]


def openbci_5(values, *, fs_hz=250, channels=8):
    names = ["Sample Index", *(f"EXG Channel {n}" for n in range(channels)), *(f"Accel Channel {n}" for n in range(3))]
    names += ["Other"] * 7 + [f"Analog Channel {n}" for n in range(3)] + ["Timestamp", "Other", "Timestamp (Formatted)"]
    head = (
        "%OpenBCI Raw EXG Data\n%Number of channels = {}\n%Sample Rate = {} Hz\n%Board = OpenBCI_GUI$BoardCytonSerial\n"
    )
    rows = [
        [
            float(n % 256),
            value,
            *[-187500.02] * (channels - 1),
            *[0.5] * 13,
            f"{1671576040.5 + n // 20 * 20 / fs_hz + n % 20 * 1e-4:.4f}",
            0.0,
            "2022-12-20 22:40:40.953",
        ]
        for n, value in enumerate(_int(values))
    ]
    return head.format(channels, fs_hz) + ", ".join(names) + "\n" + lines(rows, ", ")


def openbci_4(values, *, channels=8):
    head = "%OpenBCI Raw EEG Data\n%\n%Sample Rate = 250.0 Hz\n%First Column = SampleIndex\n%Last Column = Timestamp \n"
    rows = [
        [n % 256, value, *[-187500.02] * (channels - 1), 0.1, 0.2, 0.9, "12:30:30.123", 1486000000000 + n // 60 * 240]
        for n, value in enumerate(_int(values))
    ]
    return head + "%Other Columns = EEG data in microvolts followed by Accel Data (in G)\n" + lines(rows, ", ")


def brainflow(values):
    rows = [
        [n % 256, value, *[-187500.02] * 7, *[0.5] * 13, f"{1671576040.5 + n // 10 * 0.04:.6f}", 0.0]
        for n, value in enumerate(_int(values))
    ]
    return lines(rows, "\t")


def opensignals(values, *, sensor="ECG"):
    about = {
        "20:16:07:18:17:85": {
            "sensor": [sensor, "RAW"],
            "device name": "20:16:07:18:17:85",
            "column": ["nSeq", "I1", "I2", "O1", "O2", "A1", "A2"],
            "sync interval": 0,
            "time": "14:29:32.4",
            "channels": [1, 2],
            "date": "2017-1-1",
            "device": "bitalino_rev",
            "sampling rate": 1000,
            "label": ["A1", "A2"],
            "resolution": [4, 1, 1, 1, 1, 10, 10],
        }
    }
    rows = [[n % 16, 0, 0, 0, 0, value, 511, ""] for n, value in enumerate(_int(values))]
    head = f"# OpenSignals Text File Format. Version 1\n# {json.dumps(about)}\n# EndOfHeader\n"
    return head + lines(rows, "\t")


def polar(values):
    rows = [
        ["2021-06-15T12:00:00.561", 599616000000000000 + round(n * 1e9 / 130), f"{n * 1000 / 130:.3f}", value]
        for n, value in enumerate(_int(values))
    ]
    return "Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]\n" + lines(rows, ";")


def polar_without_ms(values):
    rows = [
        [f"2021-06-15T12:00:{n // 73 % 60:02d}.561", 599616000000000000 + round(n * 1e9 / 130), value]
        for n, value in enumerate(_int(values))
    ]
    return "Phone timestamp;sensor timestamp [ns];ecg [uV]\n" + lines(rows, ";")


def apple(values):
    head = (
        'Name,A Person\nDate of Birth,"Jan 1, 1970"\nRecorded Date,2023-01-02 08:23:15 +0100\n'
        'Classification,Sinus Rhythm\nSymptoms,\nSoftware Version,1.90\nDevice,"Watch6,2"\nSample Rate,512 hertz\n\n\n'
        "Lead,Lead I\nUnit,µV\n\n"
    )
    return head + lines([f"{value:.3f}"] for value in values)


def apple_german(values):
    head = (
        'Name,"Eine Person"\nGeburtsdatum,01.01.1970\nAufzeichnungsdatum,2023-01-02 08:23:15 +0100\n'
        'Klassifizierung,Sinusrhythmus\nSymptome,\nSoftwareversion,"1,90"\nGerät,"Watch6,2"\nMessrate,"512,414 Hertz"\n'
        '\n\nAbleitung,"Ableitung I"\nEinheit,µV\n\n'
    )
    return head + "".join('"{}"\n'.format(f"{value:.3f}".replace(".", ",")) for value in values)


def biosppy(values):
    head = "# Simple Text Format\n# Sampling Rate (Hz):= 1000.00\n# Resolution:= 12\n# Labels:= ECG\tResp\n"
    return head + lines(([f"{value:.1f}", "512.0"] for value in values), "\t")


def labchart(values):
    head = (
        "Interval=\t0.001 s\nExcelDateTime=\t4.3E4\t01.01.2020 10:00:00\nTimeFormat=\tStartOfBlock\nDateFormat=\t\n"
        "ChannelTitle=\tECG\tResp\nRange=\t10.000 V\t10.000 V\nUnitName=\tmV\tV\n"
    )
    return head + lines(([f"{n / 1000:g}", value, 0.5] for n, value in enumerate(_int(values))), "\t")


def acqknowledge(values):
    head = "rest.acq\n2 msec/sample\n2 channels\nECG (.05 - 150 Hz)\nmV\nResp\nVolts\n"
    rows = [[f"{n * 0.002 / 60:.9g}", value, 0.5] for n, value in enumerate(_int(values))]
    return head + "min,CH1,CH2\n,240,240\n" + lines(rows)


def consensys(values):
    names = ["Timestamp_Unix_CAL", "ECG_LL-RA_24BIT_CAL", "ECG_EMG_Status1_RAW", "Accel_LN_X_CAL"]
    head = "sep=,\n" + ",".join(f"Shimmer_6C3E_{name}" for name in names) + "\nms,mV,no_units,m/(s^2)\n"
    rows = [[f"{1.6e12 + n * 1000 / 512:.4f}", value, 0, 9.81] for n, value in enumerate(_int(values))]
    return head + lines(rows)


def consensys_formatted(values):
    names = ["Timestamp_FormattedUnix_CAL", "ECG_LL-RA_24BIT_CAL"]
    head = "sep=\t\n" + "\t".join(f"Shimmer_6C3E_{name}" for name in names) + "\nyyyy/mm/dd hh:mm:ss.000\tmV\n"
    rows = [[f"2021/05/06 10:11:{12 + n / 500:06.3f}", value] for n, value in enumerate(_int(values))]
    return head + lines(rows, "\t")


def vitaldb(values):
    head = "Time,SNUADC/ECG_II,SNUADC/PLETH\n"
    rows = [[f"{n / 500:g}" if n < 2 else "", value, 30] for n, value in enumerate(_int(values))]
    return head + lines(rows)


def mind_monitor(values):
    head = "TimeStamp,Delta_TP9,RAW_TP9,RAW_AF7,HeadBandOn,Battery\n"
    rows = [
        [f"2023-01-02 10:00:{n // 24:02d}.{n % 24 // 8 * 300:03d}", 0.5, value, 800, 1, 90]
        for n, value in enumerate(_int(values))
    ]
    return head + lines(rows)


def emotiv_pro(values):
    head = "Timestamp,OriginalTimestamp,EEG.Counter,EEG.Interpolated,EEG.AF3,EEG.T7,EEG.Battery\n"
    rows = [[f"{1.6e9 + n / 128:.6f}", 0, n % 128, 0, value, 4100, 80] for n, value in enumerate(_int(values))]
    return "title:rest,sampling rate:eeg_128\n" + head + lines(rows)


def emotiv(values):
    labels = "COUNTER INTERPOLATED AF3 F7 GYROX"
    head = f"title:rest, recorded:01.02.13 10.00.00, sampling:128, subject:x, labels:{labels}, chan:5, units:emotiv\n"
    return head + lines(([n % 129, 0, value, 4100, 1600] for n, value in enumerate(_int(values))), ", ")


def empatica(values):
    return "1544027337.000000\n64.000000\n" + lines([f"{value:.2f}"] for value in values)


def zephyr(values):
    rows = [[f"02/01/2023 10:00:{n / 250:06.3f}", value] for n, value in enumerate(_int(values))]
    return "Time,EcgWaveform\n" + lines(rows)


def hexoskin(values):
    rows = [[f"{n}", value] for n, value in enumerate(_int(values))]
    return "time [s/256],ECG_I [mV]\n" + lines(rows)


def pandas_of_wfdb(values):
    rows = [[f"0 days 00:00:{n / 250:09.6f}", value] for n, value in enumerate(_int(values))]
    return ",II (mV)\n" + lines(rows)


def vernier(values):
    rows = [[f"{n / 200:g}", value] for n, value in enumerate(_int(values))]
    return "Latest: Time (s),Latest: Potential (mV)\n" + lines(rows)


def rdsamp(values, *, options):
    """``rdsamp`` by its options: v (names), c (commas), p (seconds), e (elapsed), d (date), s (number), m (minutes)."""
    stamp = {
        "p": lambda n: f"{n / 250:.3f}",
        "e": lambda n: f"{int(n / 250) // 60}:{n / 250 % 60:06.3f}",
        "d": lambda n: f"[10:00:{n / 250:06.3f} 01/02/2023]",
        "m": lambda n: f"{n / 250 / 60:.7f}",
        "s": lambda n: f"{n}",
    }[options[-1]]
    title, unit = {
        "p": ("Elapsed time", "seconds"),
        "e": ("Elapsed time", "mm:ss.mmm"),
        "d": ("Time and date", "[hh:mm:ss.mmm dd/mm/yyyy]"),
        "m": ("Elapsed time", "minutes"),
        "s": ("sample #", ""),
    }[options[-1]]
    if "c" in options:
        quote = (lambda text: f"'{text}'") if options[-1] in "ed" else (lambda text: text)
        head = f"'{title}','MLII','V5'\n'{unit}','mV','mV'\n" if "v" in options else ""
        return head + lines([quote(stamp(n)), f"{value:.3f}", "0.250"] for n, value in enumerate(values))
    names = f"   {title}\t    MLII\t    V5\n   ({unit})\t  (mV)\t  (mV)\n"
    head = names if "v" in options else ""
    return head + lines(([f"{stamp(n):>16}", f"{value:8.3f}", "  0.250"] for n, value in enumerate(values)), "\t")


def labview(values, *, fs_hz=250):
    head = [
        "LabVIEW Measurement\t", "Writer_Version\t2", "Reader_Version\t2", "Separator\tTab", "Decimal_Separator\t.",
        "Multi_Headings\tNo", "X_Columns\tOne", "Time_Pref\tRelative", "Date\t2023/01/02", "***End_of_Header***\t",
        "\t",
        "Channels\t2\t", f"Samples\t{len(values)}\t{len(values)}\t", "Date\t2023/01/02\t2023/01/02\t",
        "Y_Unit_Label\tmV\tmV\t", "X_Dimension\tTime\tTime\t", "X0\t0.0E+0\t0.0E+0\t",
        f"Delta_X\t{1 / fs_hz:.6f}\t{1 / fs_hz:.6f}\t", "***End_of_Header***\t\t\t", "X_Value\tECG\tResp\tComment",
    ]  # fmt: skip
    rows = [[f"{n / fs_hz:.6f}", value, 0] for n, value in enumerate(_int(values))]
    return "\n".join(head) + "\n" + lines(rows, "\t")


def nihon_kohden(values, *, fs_hz=250):
    head = (
        f"TimePoints={len(values)} Channels=2 BeginSweep[ms]=0.00 SamplingInterval[ms]={1000 / fs_hz:.3f} "
        "Bins/uV=1.000 Time=10:00:00\nECG  Resp\n"
    )
    return head + "".join(f"{value:10.2f} {0:10.2f}\n" for value in _int(values))


def spike2(values, *, fs_hz=250):
    head = (
        '"INFORMATION"\n"rest.smr"\n\n"SUMMARY"\n"1"\t"Waveform"\t"ECG"\t"mV"\t"250"\t"1"\t"0"\n\n'
        f'"CHANNEL"\t"1"\n"Waveform"\n"no remark"\n"ECG"\n"mV"\n"250"\n\n"START"\t0.00000\t{1 / fs_hz:.5f}\n'
    )
    return head + lines([f"{value:.5f}"] for value in values)
