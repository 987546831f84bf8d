using System.Globalization;
using Pith;
using Pith.Soak;

// Loads, runs and disposes plans for minutes, and judges whether anything grows or goes on working: see Soak. Exit code 0 when nothing does, 1 when something does, 2 for wrong usage.
double minutes = 20;
var seed = 1;
var models = new List<string>();
for (var i = 0; i < args.Length; i += 2)
{
    var value = i + 1 < args.Length ? args[i + 1] : "";
    var isRight = args[i] switch
    {
        "--minutes" => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out minutes) && minutes is > 0 and < 1e6,
        "--seed" => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out seed),
        "--model" when value.Length > 0 => Add(value),
        _ => false,
    };
    if (isRight) continue;
    Console.Error.WriteLine("Usage: Pith.Soak [--minutes N] [--seed N] [--model NET.onnx]…   Without models: built-in networks in float and INT8.");
    return 2;
}
var folder = Directory.CreateTempSubdirectory("pith-soak-");
try
{
    using var soak = new Soak(Workload.Prepare(models, folder.FullName), TimeSpan.FromMinutes(minutes), seed);
    return soak.Run(Console.Out) ? 0 : 1;
}
catch (PithException failure)
{
    Console.Error.WriteLine($"Pith.Soak: {failure.Message}");
    return 1;
}
finally
{
    folder.Delete(recursive: true);
}

bool Add(string model)
{
    models.Add(model);
    return true;
}
