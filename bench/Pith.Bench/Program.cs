using Pith;
using Pith.Bench;

if (args.Length == 0 || args[0] is "-h" or "--help")
{
    Console.WriteLine("""
        Times raw kernels: Pith.Bench KERNEL key=value… [vs KERNEL key=value…]… [seconds=2]
        Sides of a comparison run in turn; each line shows the median and the minimum.

          Pith.Bench conv n=128 h=32 w=32 c=16 k=16 r=3 pad=1 threads=2
          Pith.Bench conv n=1 h=56 w=56 c=64 k=64 r=3 pad=1 vs conv n=1 h=56 w=56 c=64 k=64 r=3 pad=1 isa=avx2
          Pith.Bench suite=resnet20 threads=2
        """);
    foreach (var kernel in KernelCatalog.All) Console.WriteLine($"  {kernel.Name,-14} {kernel.Keys}");
    foreach (var suite in Suites.All) Console.WriteLine($"  suite={suite.Name}");
    return 0;
}

try
{
    var lines = Suites.Expand(args);
    foreach (var line in lines) Comparison.Run(line);
    return 0;
}
catch (PithException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
