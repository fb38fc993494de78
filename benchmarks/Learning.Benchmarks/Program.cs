using BenchmarkDotNet.Running;
using StreamMLOps.Learning.Benchmarks;

switch (args)
{
    case ["table", .. var rest]: return SpeedTable.Run(rest);
    case ["load", var megabytes]: return LoadTimes.Run(double.Parse(megabytes, System.Globalization.CultureInfo.InvariantCulture), "logistic-regression");
    case ["anomalies", .. var files]: return AnomalyAccuracy.Run(files);
    case ["compare", var data, .. var models]: return Comparison.Run(data, models);
    case ["accuracy", var folder, var seeds, .. var rest]: return TreeAccuracy.Run(folder, int.Parse(seeds, System.Globalization.CultureInfo.InvariantCulture), rest);
    case ["detectors"]: return DetectorRates.Run(7);
    case ["stage", var stage, var data, var spec, var rounds]: return StageLoop.Run(stage, data, spec, rounds);
}
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
