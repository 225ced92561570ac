"""Makes transactions.csv: card payments, some of them fraud, in a way a straight line can nearly tell."""

import csv
import math
import random
import sys


def main(path, rows=800, seed=11):
    rng = random.Random(seed)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["amount", "hour", "distance_km", "age_days", "fraud"])
        for _ in range(rows):
            amount = round(rng.lognormvariate(3.2, 1.0), 2)
            hour = rng.randint(0, 23)
            distance = round(abs(rng.gauss(0, 60)), 1)
            age = rng.randint(1, 2000)
            score = 0.9 * math.log(amount) + 0.012 * distance + (1.2 if hour < 6 else 0) - 0.001 * age - 4.2
            fraud = 1 if rng.random() < 1 / (1 + math.exp(-2 * score)) else 0
            writer.writerow([amount, hour, distance, age, fraud])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "transactions.csv")
