<#
.SYNOPSIS
Takes a post office printer and its agent away again. What the office holds stays there; what is not there is no error.
.PARAMETER Name
Name of the printer (Post office).
.PARAMETER QueueOnly
Leave the agent. Used by this script itself for its elevated part.
.PARAMETER Help
Show this text.
#>
param([string]$Name = 'Post office', [switch]$QueueOnly, [switch]$Help)
$ErrorActionPreference = 'Stop'
if ($Help) { Get-Help $PSCommandPath -Detailed; exit 0 }
if ($Name -notmatch '^[A-Za-z0-9 _-]{1,60}$') { Write-Host "remove.ps1: no printer of ours has such a name: $Name" -ForegroundColor Red; exit 1 }

if (-not $QueueOnly) {
    $task = "Post office agent - $Name"
    if (Get-ScheduledTask -TaskName $task -ErrorAction SilentlyContinue) {
        Stop-ScheduledTask -TaskName $task
        Unregister-ScheduledTask -TaskName $task -Confirm:$false
    }
    $link = Join-Path ([Environment]::GetFolderPath('Startup')) "$task.lnk"
    if (Test-Path $link) { Remove-Item $link }
    # an agent that the start-up folder started is known by its command line
    Get-CimInstance Win32_Process -Filter "Name = 'powershell.exe'" |
        Where-Object { $_.CommandLine -and $_.CommandLine.Contains('agent.ps1') -and $_.CommandLine.Contains("-Printer `"$Name`"") } |
        ForEach-Object { Stop-Process -Id $_.ProcessId }
    $folder = Join-Path $env:LOCALAPPDATA 'postoffice'
    $file = 'agent-' + ($Name -replace '[^A-Za-z0-9_-]', '_')
    foreach ($end in '.json', '.state.json', '.log') {
        $path = Join-Path $folder "$file$end"
        if (Test-Path $path) { Remove-Item $path }
    }
    if ((Test-Path $folder) -and -not (Get-ChildItem $folder -Filter 'agent-*.json')) { Remove-Item $folder -Recurse }
}

$printer = Get-Printer -Name $Name -ErrorAction SilentlyContinue
if ($printer -and $printer.Comment -ne 'Post office') {
    Write-Host "remove.ps1: the printer '$Name' is not a post office; it stays" -ForegroundColor Red
    exit 1
}
if ($printer) {
    $identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    if ($identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { Remove-Printer -Name $Name }
    else {
        $words = "-NoProfile -ExecutionPolicy Bypass -File `"$PSCommandPath`" -Name `"$Name`" -QueueOnly"
        $elevated = Start-Process powershell.exe -Verb RunAs -Wait -PassThru -ArgumentList $words
        if ($elevated.ExitCode -ne 0) { Write-Host 'remove.ps1: the printer could not be removed; run this as administrator' -ForegroundColor Red; exit 1 }
    }
}
Write-Host "The printer '$Name' and its agent are gone."
