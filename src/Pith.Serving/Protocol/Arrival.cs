using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Pith.Serving;

/// <summary>When a request began to arrive: time-outs and durations count from here, the time in which its body is received included.</summary>
internal sealed class Arrival
{
    private readonly long _at = Stopwatch.GetTimestamp();

    /// <summary>Marks the arrival of a request.</summary>
    public static void Mark(HttpContext context) => context.Features.Set(new Arrival());

    /// <summary>When a marked request arrived, in ticks of <see cref="Stopwatch"/>.</summary>
    public static long Of(HttpContext context) => context.Features.GetRequiredFeature<Arrival>()._at;
}
