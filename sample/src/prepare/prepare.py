"""Drops rows that cannot be payments and writes the rest, for the training step of the pipeline."""

import csv
import glob
import os
import sys


def main(source, target):
    path = source if os.path.isfile(source) else sorted(glob.glob(os.path.join(source, "*.csv")))[0]
    os.makedirs(target, exist_ok=True)
    kept = 0
    with open(path, newline="") as file, open(os.path.join(target, "clean.csv"), "w", newline="") as out:
        reader = csv.DictReader(file)
        writer = csv.DictWriter(out, reader.fieldnames, lineterminator="\n")
        writer.writeheader()
        for row in reader:
            if float(row["amount"]) > 0:
                writer.writerow(row)
                kept += 1
    print(f"kept {kept} payments")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
