using System.Globalization;
using System.Runtime.InteropServices;

namespace Pith.Tactics;

/// <summary>The machine that tactics are chosen for.</summary>
/// <param name="Threads">Threads that a context uses unless told otherwise.</param>
internal sealed record Device(int Threads)
{
    /// <summary>What must agree for timings and choices of one machine to hold on another.</summary>
    public string Kind => string.Create(CultureInfo.InvariantCulture, $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}-{Threads}t");
}
