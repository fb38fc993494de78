using BenchmarkDotNet.Running;
using StreamMLOps.Learning.Benchmarks;

if (args is ["limit", .. var rest]) return LimitComparison.Run(rest);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
