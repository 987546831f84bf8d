using System.Globalization;
using System.Text.Json;
using Pith;

// Answers for one image with a plan, as a native program without a .NET installation.
// Usage: AotClassifier PLAN INPUT. INPUT has the elements of the network's input as they lie in memory; of a network that takes pixels (pith fold-preprocessing --layout nhwc) it may be a binary PPM image, too.
if (args is not [var plan, var input])
{
    Console.Error.WriteLine("Usage: AotClassifier PLAN INPUT (a file with the elements of the network's input, or a binary PPM image for a network that takes pixels)");
    return 2;
}
try
{
    using var engine = Engine.Load(plan);
    using var context = engine.CreateContext();
    Read(File.ReadAllBytes(input), context);
    context.Run();
    Print(context.Output<float>(engine.Outputs[0].Name), Labels(engine));
    return 0;
}
catch (Exception failure) when (failure is PithException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(failure.Message);
    return 1;
}

void Read(byte[] file, EngineContext context)
{
    var (name, type) = context.Engine.Inputs[0];
    var target = context.InputBytes(name);
    var elements = file.AsSpan()[(file.Length == target.Length ? 0 : PixelsAt(file))..];
    if (elements.Length != target.Length) throw new PithException($"'{input}' has {elements.Length} bytes of elements, input '{name}' {type} takes {target.Length}.");
    elements.CopyTo(target);
}

// "P6 WIDTH HEIGHT 255", each followed by one white space, then the pixels.
static int PixelsAt(ReadOnlySpan<byte> file)
{
    if (!file.StartsWith("P6"u8)) return 0;
    var at = 0;
    for (var fields = 0; fields < 4 && at < file.Length; at++)
        if (char.IsWhiteSpace((char)file[at])) fields++;
    return at;
}

static string[] Labels(Engine engine) =>
    engine.Metadata.TryGetValue("pith.classes", out var json) ? [.. JsonDocument.Parse(json).RootElement.EnumerateArray().Select(name => name.GetString()!)] : [];

static void Print(ReadOnlySpan<float> scores, string[] labels)
{
    var keys = scores.ToArray();
    var classes = Enumerable.Range(0, keys.Length).OrderByDescending(index => keys[index]).Take(5);
    foreach (var index in classes) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{keys[index],8:F3}  {(index < labels.Length ? labels[index] : index)}"));
}
