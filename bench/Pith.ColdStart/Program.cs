using System.Diagnostics;
using System.Globalization;
using Pith;

// Milliseconds from a plan's file to its first answer: in this process, and once more in the same process.
if (args is not [var plan])
{
    Console.Error.WriteLine("Usage: Pith.ColdStart PLAN");
    return 2;
}
for (var i = 0; i < 2; i++)
{
    var begin = Stopwatch.GetTimestamp();
    using var engine = Engine.Load(plan);
    using var context = engine.CreateContext();
    context.Run();
    Console.WriteLine(Stopwatch.GetElapsedTime(begin).TotalMilliseconds.ToString("F1", CultureInfo.InvariantCulture));
}
return 0;
